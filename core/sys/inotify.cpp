#include "tidemill/sys/inotify.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tidemill/base/limits.h"

namespace tidemill {

// IN_ATTRIB: the only sign of a file that was unlinked while somebody still has it open.
static constexpr std::uint32_t wanted =
    IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;

Result<void> Inotify::open() {
    fd_ = Fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd_.is_open()) return os_error(errno, "watch_file");
    return {};
}

Result<int> Inotify::add(const std::string& path) {
    const int watch = inotify_add_watch(fd_.get(), path.c_str(), wanted);
    if (watch < 0) return os_error(errno, "watch_file", path);
    return watch;
}

void Inotify::remove(int watch) {
    static_cast<void>(inotify_rm_watch(fd_.get(), watch));  // fails if the system removed it first, which an event tells
}

static Inotify::Kind kind_of(std::uint32_t mask) {
    using Kind = Inotify::Kind;
    if ((mask & IN_Q_OVERFLOW) != 0) return Kind::overflow;
    if ((mask & IN_IGNORED) != 0) return Kind::ignored;
    if ((mask & (IN_DELETE | IN_DELETE_SELF | IN_UNMOUNT)) != 0) return Kind::deleted;
    if ((mask & (IN_MOVED_FROM | IN_MOVE_SELF)) != 0) return Kind::moved;
    if ((mask & (IN_CREATE | IN_MOVED_TO)) != 0) return Kind::created;
    return (mask & IN_ATTRIB) != 0 ? Kind::attributes : Kind::modified;
}

bool Inotify::read(std::vector<Event>& events) {
    alignas(inotify_event) char buffer[limits::file_events];
    const ssize_t size = ::read(fd_.get(), buffer, sizeof buffer);
    for (ssize_t place = 0; place < size;) {
        inotify_event event;
        std::memcpy(&event, buffer + place, sizeof event);
        const char* name = buffer + place + sizeof event;
        place += static_cast<ssize_t>(sizeof event + event.len);
        const bool is_self = event.len == 0;
        events.push_back({event.wd, kind_of(event.mask), is_self, std::string(name, is_self ? 0 : strnlen(name, event.len))});
    }
    return size > 0;
}

bool is_path_gone(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) != 0 && errno == ENOENT;
}

}  // namespace tidemill
