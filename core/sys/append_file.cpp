#include "tidemill/sys/append_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "tidemill/sys/without_sigpipe.h"

namespace tidemill {
namespace {

// POSIX's least PIPE_BUF is 512; Linux has 4096. A write of so much to a pipe that has room is taken whole.
constexpr std::size_t at_once = 4096;

bool has_room(int fd, Duration patience) {
    pollfd asked{fd, POLLOUT, 0};
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
    const int found = ::poll(&asked, 1, static_cast<int>(milliseconds));
    return found > 0;  // also for a broken one, about which write(2) has more to say
}

}  // namespace

Result<AppendFile> open_to_append(const std::string& path) {
    if (path.find('\0') != path.npos) return make_error(ErrorCode::argument, "open", path, "a path has no zero octet");
    // O_NONBLOCK: opening a pipe without a reader fails instead of waiting; it means nothing for regular files.
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    AppendFile file{Fd(path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) : ::open(path.c_str(), flags, 0640))};
    struct stat status{};
    if (!file.fd.is_open() || ::fstat(file.fd.get(), &status) != 0) return os_error(errno, "open", path);
    file.is_regular = S_ISREG(status.st_mode);
    return file;
}

IoResult append(const AppendFile& file, Bytes text, Duration patience) {
    const std::size_t size = file.is_regular ? text.size() : std::min(text.size(), at_once);
    if (!file.is_regular && !has_room(file.fd.get(), patience)) return IoResult::would_block();
    WithoutSigpipe guard;
    for (;;) {
        const ssize_t count = ::write(file.fd.get(), text.data(), size);
        if (count >= 0) return IoResult::done(static_cast<std::size_t>(count));
        if (errno == EPIPE) guard.raised();
        if (errno != EINTR) return io_trouble(errno);
    }
}

}  // namespace tidemill
