#include "tidemill/sys/pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace tidemill {
namespace {

// Holds SIGPIPE back from this thread and takes the one that a write raised. MSG_NOSIGNAL is for sockets only, and the signal's action is
// the program's and not ours to change.
class NoPipeSignal {
public:
    NoPipeSignal() {
        sigset_t waiting;
        sigpending(&waiting);
        was_pending_ = sigismember(&waiting, SIGPIPE) == 1;
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~NoPipeSignal() {
        const timespec now{};
        if (has_raised && !was_pending_) {
            while (sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
            }
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    NoPipeSignal(const NoPipeSignal&) = delete;
    NoPipeSignal& operator=(const NoPipeSignal&) = delete;

    bool has_raised = false;

private:
    bool was_pending_ = false;
    sigset_t pipe_;
    sigset_t before_;
};

short poll_now(int fd, short events) {
    pollfd polled{fd, events, 0};
    return ::poll(&polled, 1, 0) > 0 ? polled.revents : 0;
}

}  // namespace

IoResult read_fd(int fd, char* data, std::size_t size) {
    for (;;) {
        const ssize_t count = ::read(fd, data, size);
        if (count > 0) return IoResult::done(static_cast<std::size_t>(count));
        if (count == 0) return IoResult::end();
        if (errno == EAGAIN || errno == EWOULDBLOCK) return IoResult::would_block();
        if (errno != EINTR) return IoResult::failed(errno);
    }
}

IoResult write_fd(int fd, const Slice* slices, std::size_t count) {
    NoPipeSignal guard;
    for (;;) {
        const ssize_t written = ::writev(fd, reinterpret_cast<const iovec*>(slices), static_cast<int>(count));
        if (written >= 0) return IoResult::done(static_cast<std::size_t>(written));
        const int problem = errno;
        guard.has_raised = problem == EPIPE;
        if (problem == EAGAIN || problem == EWOULDBLOCK) return IoResult::would_block();
        if (problem != EINTR) return IoResult::failed(problem);
    }
}

bool has_hung_up(int fd) {
    return (poll_now(fd, 0) & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

Readiness look_at(int fd) {
    const short seen = poll_now(fd, POLLIN | POLLRDHUP | POLLOUT);
    const bool is_broken = (seen & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    return {is_broken || (seen & (POLLIN | POLLRDHUP)) != 0, is_broken || (seen & POLLOUT) != 0};
}

Result<Fd> duplicate(int fd, std::string_view operation) {
    Fd made(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!made.is_open()) return os_error(errno, operation, std::to_string(fd));
    return made;
}

bool can_be_watched(int fd) {
    struct stat status{};
    return ::fstat(fd, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

struct RawTerminal::Settings {
    termios values;
};

void RawTerminal::FreeSettings::operator()(Settings* settings) const {
    delete settings;
}

RawTerminal::RawTerminal(int fd) : fd_(fd) {
    termios settings{};
    if (::tcgetattr(fd, &settings) != 0) return;
    before_.reset(new Settings{settings});
    settings.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    ::tcsetattr(fd, TCSANOW, &settings);
}

RawTerminal::~RawTerminal() {
    if (before_) ::tcsetattr(fd_, TCSANOW, &before_->values);
}

}  // namespace tidemill
