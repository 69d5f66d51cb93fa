#include "tidemill/sys/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#endif

#include "tidemill/sys/without_sigpipe.h"

namespace tidemill {

namespace {

// O_NONBLOCK: opening a pipe without a writer must not wait; it means nothing for regular files.
constexpr int reading = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// A path is text up to the first zero octet for the system; for us such a path is none.
Result<void> check_path(const std::string& path, const char* operation) {
    if (path.find('\0') == path.npos) return {};
    return make_error(ErrorCode::argument, operation, path, "a path has no zero octet");
}

Result<File> regular_file(Fd fd, const std::string& path) {
    File file{std::move(fd)};
    struct stat status{};
    if (!file.fd.is_open() || ::fstat(file.fd.get(), &status) != 0) return os_error(errno, "send_file", path);
    if (S_ISDIR(status.st_mode)) return os_error(EISDIR, "send_file", path);
    if (!S_ISREG(status.st_mode)) return make_error(ErrorCode::argument, "send_file", path, "only regular files can be sent");
    file.size = static_cast<std::uint64_t>(status.st_size);
#ifdef __APPLE__
    const timespec& modified = status.st_mtimespec;
#else
    const timespec& modified = status.st_mtim;
#endif
    file.modified = modified.tv_sec;
    file.modified_nanoseconds = static_cast<std::uint32_t>(modified.tv_nsec);
    return file;
}

// -1 with ENOSYS if this system cannot do it.
int open_within(int folder, const std::string& path) {
#if defined(__linux__) && defined(SYS_openat2)
    open_how how{};
    how.flags = reading;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    for (;;) {
        const long opened = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
        // EAGAIN: something was renamed meanwhile and the system cannot be sure.
        if (opened >= 0 || (errno != EINTR && errno != EAGAIN)) return static_cast<int>(opened);
    }
#else
    (void)folder, (void)path;
    errno = ENOSYS;
    return -1;
#endif
}

// One part of the path after the other, none of which may be a link or lead up.
int open_step_by_step(int folder, const std::string& path) {
    Fd held;
    std::size_t begin = 0;
    for (;;) {
        const std::size_t end = path.find('/', begin);
        const std::string part = path.substr(begin, end == path.npos ? path.npos : end - begin);
        if (part == ".." || part.empty()) return errno = EXDEV, -1;
        const int from = held.is_open() ? held.get() : folder;
        if (end == path.npos) return ::openat(from, part.c_str(), reading | O_NOFOLLOW);
        Fd next(::openat(from, part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!next.is_open()) return -1;
        held = std::move(next);
        begin = end + 1;
    }
}

}  // namespace

Result<File> open_file(const std::string& path) {
    if (Result<void> checked = check_path(path, "send_file"); !checked) return checked.error();
    return regular_file(Fd(::open(path.c_str(), reading)), path);
}

Result<Fd> open_folder(const std::string& path) {
    if (Result<void> checked = check_path(path, "open_folder"); !checked) return checked.error();
    Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open()) return os_error(errno, "open_folder", path);
    return folder;
}

Result<File> open_beneath(const Fd& folder, const std::string& path) {
    if (Result<void> checked = check_path(path, "send_file"); !checked) return checked.error();
    const int opened = open_within(folder.get(), path);
    // Old kernels do not know it, some sandboxes forbid it.
    if (opened < 0 && (errno == ENOSYS || errno == EPERM)) return open_beneath_step_by_step(folder, path);
    return regular_file(Fd(opened), path);
}

Result<File> open_beneath_step_by_step(const Fd& folder, const std::string& path) {
    if (Result<void> checked = check_path(path, "send_file"); !checked) return checked.error();
    return regular_file(Fd(open_step_by_step(folder.get(), path)), path);
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
