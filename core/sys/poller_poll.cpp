// The reference and the fallback: poll(2), which every UNIX has. It is level-triggered; what was reported is not asked for again until
// the owner arms it, which gives the same contract as edges. Costs O(descriptors) a wait.
#include <poll.h>

#include <cerrno>
#include <vector>

#include "tidemill/sys/poller.h"

namespace tidemill {
namespace {

constexpr short mask_of(Direction direction) {
    return direction == Direction::read ? POLLIN | POLLRDHUP : POLLOUT;
}

class PollPoller final : public Poller {
public:
    std::string_view name() const override { return "poll"; }

    Result<void> add(int fd, std::uint64_t token, Direction direction) override {
        if (place_.size() <= static_cast<std::size_t>(fd)) place_.resize(static_cast<std::size_t>(fd) + 1, 0);
        place_[static_cast<std::size_t>(fd)] = polled_.size();
        polled_.push_back({fd, mask_of(direction), 0});
        tokens_.push_back(token);
        return {};
    }

    void arm(int fd, Direction direction) override {
        pollfd& entry = polled_[place_[static_cast<std::size_t>(fd)]];
        entry.events = static_cast<short>(entry.events | mask_of(direction));
        entry.fd = fd;
    }

    void remove(int fd) override {
        const std::size_t hole = place_[static_cast<std::size_t>(fd)];
        polled_[hole] = polled_.back();
        tokens_[hole] = tokens_.back();
        place_[static_cast<std::size_t>(number(polled_[hole]))] = hole;
        polled_.pop_back();
        tokens_.pop_back();
    }

    int wait(Ready* ready, int most, Duration timeout) override {
        const int found = ::poll(polled_.data(), polled_.size(), poll_milliseconds(timeout));
        if (found <= 0) return without_reports(found);
        int count = 0;
        // Begins where the last wait left off: with more ready than there is room, all get their turn.
        for (std::size_t i = 0; i < polled_.size() && count < most; ++i) {
            next_ = next_ + 1 < polled_.size() ? next_ + 1 : 0;
            if (polled_[next_].fd >= 0 && polled_[next_].revents != 0) ready[count++] = report(next_);
        }
        return count;
    }

private:
    // A descriptor with nothing armed is stored as ~fd, which poll(2) ignores: otherwise a hang-up would be reported without end.
    static int number(const pollfd& entry) { return entry.fd >= 0 ? entry.fd : ~entry.fd; }

    Ready report(std::size_t place) {
        pollfd& entry = polled_[place];
        const bool is_broken = (entry.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
        const bool is_ended = is_broken || (entry.revents & POLLRDHUP) != 0;
        const Ready ready{tokens_[place], is_broken || (entry.revents & (POLLIN | POLLRDHUP)) != 0,
                          is_broken || (entry.revents & POLLOUT) != 0, is_ended};
        if (ready.readable) entry.events = static_cast<short>(entry.events & ~mask_of(Direction::read));
        if (ready.writable) entry.events = static_cast<short>(entry.events & ~mask_of(Direction::write));
        if (entry.events == 0) entry.fd = ~entry.fd;
        return ready;
    }

    std::vector<pollfd> polled_;
    std::vector<std::uint64_t> tokens_;  // beside polled_
    std::vector<std::size_t> place_;     // by descriptor number
    std::size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<Poller>> make_poll_poller() {
    return std::unique_ptr<Poller>(std::make_unique<PollPoller>());
}

}  // namespace tidemill
