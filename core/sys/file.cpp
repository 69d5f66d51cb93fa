#include "tidemill/sys/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#ifdef __linux__
#include <sys/sendfile.h>
#endif

namespace tidemill {

Result<File> open_file(const std::string& path) {
    // A path is text up to the first zero octet for the system; for us such a path is none.
    if (path.find('\0') != path.npos) return make_error(ErrorCode::argument, "send_file", path, "a path has no zero octet");
    // O_NONBLOCK: opening a pipe without a writer must not wait; it means nothing for regular files.
    File file{Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)), 0};
    struct stat status{};
    if (!file.fd.is_open() || ::fstat(file.fd.get(), &status) != 0) return os_error(errno, "send_file", path);
    if (S_ISDIR(status.st_mode)) return os_error(EISDIR, "send_file", path);
    if (!S_ISREG(status.st_mode)) return make_error(ErrorCode::argument, "send_file", path, "only regular files can be sent");
    file.size = static_cast<std::uint64_t>(status.st_size);
    return file;
}

IoResult read_file(int file, std::uint64_t offset, char* data, std::size_t size) {
    for (;;) {
        const ssize_t count = ::pread(file, data, size, static_cast<off_t>(offset));
        if (count > 0) return IoResult::done(static_cast<std::size_t>(count));
        if (count == 0) return IoResult::end();
        if (errno != EINTR) return IoResult::failed(errno);
    }
}

#ifdef __linux__

// Unlike send(2), sendfile(2) has no flag against SIGPIPE, which ends a program that has not said otherwise. So it is held back for the
// call and, if the call has raised it, taken away.
class WithoutSigpipe {
public:
    WithoutSigpipe() {
        sigset_t pending;
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        was_pending_ = ::sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~WithoutSigpipe() {
        const int kept = errno;
        if (is_raised_ && !was_pending_) {
            const timespec at_once{};
            while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
            }
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = kept;
    }
    WithoutSigpipe(const WithoutSigpipe&) = delete;
    WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
    void raised() { is_raised_ = true; }

private:
    sigset_t pipe_;
    sigset_t before_;
    bool was_pending_ = false;
    bool is_raised_ = false;
};

IoResult send_file(int socket, int file, std::uint64_t offset, std::size_t size) {
    WithoutSigpipe guard;
    for (;;) {
        auto place = static_cast<off_t>(offset);
        const ssize_t sent = ::sendfile(socket, file, &place, size);
        if (sent > 0) return IoResult::done(static_cast<std::size_t>(sent));
        if (sent == 0) return IoResult::end();
        if (errno == EPIPE) guard.raised();
        if (errno != EINTR) return io_trouble(errno);
    }
}

#else

IoResult send_file(int, int, std::uint64_t, std::size_t) {
    return IoResult::failed(ENOSYS);
}

#endif

}  // namespace tidemill
