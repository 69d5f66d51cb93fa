// The poller of Linux: edge-triggered epoll(7). A descriptor is registered once; arming a direction that is registered is free, as an
// edge comes by itself after the owner has seen "would block". Writing is registered when it is first asked for, because a UNIX
// socket reports a writing edge each time its peer reads.
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "tidemill/base/limits.h"
#include "tidemill/sys/fd.h"
#include "tidemill/sys/poller.h"

namespace tidemill {
namespace {

class EpollPoller final : public Poller {
public:
    explicit EpollPoller(Fd fd) : fd_(std::move(fd)) {}

    std::string_view name() const override { return "epoll"; }
    int fd() const override { return fd_.get(); }

    Result<void> add(int fd, std::uint64_t token, Direction direction) override {
        if (registered_.size() <= static_cast<std::size_t>(fd)) registered_.resize(static_cast<std::size_t>(fd) + 1);
        Registration& registration = registered_[static_cast<std::size_t>(fd)];
        registration = {.token = token};
        include(registration, direction);
        if (control(EPOLL_CTL_ADD, fd, registration) != 0) return os_error(errno, "epoll_ctl");
        return {};
    }

    void arm(int fd, Direction direction) override {
        Registration& registration = registered_[static_cast<std::size_t>(fd)];
        if (includes(registration, direction)) return;
        include(registration, direction);
        if (control(EPOLL_CTL_MOD, fd, registration) != 0) unarmed_.push_back(fd);
    }

    void remove(int fd) override {
        if (!unarmed_.empty()) std::erase(unarmed_, fd);
        control(EPOLL_CTL_DEL, fd, {});
    }

    void remove_closing(int fd) override {
        if (!unarmed_.empty()) std::erase(unarmed_, fd);
    }

    int wait(Ready* ready, int most, Duration timeout) override {
        if (!unarmed_.empty()) timeout = arm_again(timeout);
        const int room = std::min(most, static_cast<int>(events_.size()));
        const int count = epoll_wait(fd_.get(), events_.data(), room, poll_milliseconds(timeout));
        if (count <= 0) return without_reports(count);
        for (int i = 0; i < count; ++i) {
            const std::uint32_t mask = events_[static_cast<std::size_t>(i)].events;
            const bool is_broken = (mask & (EPOLLHUP | EPOLLERR)) != 0;
            ready[i].token = events_[static_cast<std::size_t>(i)].data.u64;
            ready[i].readable = is_broken || (mask & (EPOLLIN | EPOLLRDHUP)) != 0;
            ready[i].writable = is_broken || (mask & EPOLLOUT) != 0;
            ready[i].ended = is_broken || (mask & EPOLLRDHUP) != 0;
        }
        return count;
    }

private:
    // Packed, as there is one for each descriptor; tokens stay below 2^53.
    struct Registration {
        std::uint64_t token : 62 = 0;
        std::uint64_t is_reading : 1 = 0;
        std::uint64_t is_writing : 1 = 0;
    };

    static bool includes(const Registration& registration, Direction direction) {
        return direction == Direction::read ? registration.is_reading : registration.is_writing;
    }

    static void include(Registration& registration, Direction direction) {
        if (direction == Direction::read) {
            registration.is_reading = 1;
        } else {
            registration.is_writing = 1;
        }
    }

    // What the system had no memory for is asked for until it has. Answers how long may be waited meanwhile.
    Duration arm_again(Duration timeout) {
        std::erase_if(unarmed_, [this](int fd) { return control(EPOLL_CTL_MOD, fd, registered_[static_cast<std::size_t>(fd)]) == 0; });
        const bool is_short = timeout.count() >= 0 && timeout < limits::io_retry;
        return unarmed_.empty() || is_short ? timeout : limits::io_retry;
    }

    int control(int operation, int fd, const Registration& registration) {
        epoll_event event{};
        event.events = EPOLLET;
        if (registration.is_reading) event.events |= EPOLLIN | EPOLLRDHUP;
        if (registration.is_writing) event.events |= EPOLLOUT;
        event.data.u64 = registration.token;
        return epoll_ctl(fd_.get(), operation, fd, &event);
    }

    Fd fd_;
    std::vector<Registration> registered_;  // by descriptor number
    std::vector<int> unarmed_;              // what arm() could not
    std::array<epoll_event, limits::events_per_wait> events_;
};

}  // namespace

Result<std::unique_ptr<Poller>> make_epoll_poller() {
    Fd fd(epoll_create1(EPOLL_CLOEXEC));
    if (!fd.is_open()) return os_error(errno, "epoll_create1");
    return std::unique_ptr<Poller>(std::make_unique<EpollPoller>(std::move(fd)));
}

}  // namespace tidemill
