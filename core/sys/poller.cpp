#include "tidemill/sys/poller.h"

#include <cerrno>
#include <limits>

namespace tidemill {

Result<std::unique_ptr<Poller>> make_poller(std::string_view name) {
    if (name.empty() || name == "epoll") return make_epoll_poller();
    if (name == "poll") return make_poll_poller();
    return make_error(ErrorCode::argument, "make a reactor", {},
                      "there is no poller '" + std::string(name) + "'; there are epoll and poll");
}

int Poller::without_reports(int count) {
    refusal_ = count < 0 && errno != EINTR ? errno : 0;
    return count;
}

int poll_milliseconds(Duration timeout) {
    if (timeout.count() < 0) return -1;
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    constexpr int longest = std::numeric_limits<int>::max();
    return milliseconds > longest ? longest : static_cast<int>(milliseconds);
}

}  // namespace tidemill
