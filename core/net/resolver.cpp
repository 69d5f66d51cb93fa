#include "tidemill/net/resolver.h"

namespace tidemill {

Resolver::Resolver(Reactor& reactor) : reactor_(reactor), pool_(limits::resolver_threads, limits::resolver_queue) {}

std::uint64_t Resolver::resolve(const Endpoint& endpoint, Answer answer) {
    const std::uint64_t request = next_request_++;
    waiting_.emplace(request, std::move(answer));
    // The mailbox and not the reactor: the answer may come after the reactor is gone, and then finds it closed.
    const bool is_queued = pool_.submit([this, request, endpoint, mailbox = reactor_.mailbox()] {
        auto result = std::make_shared<Result<std::vector<Address>>>(look_up(endpoint, "connect"));
        mailbox->post([this, request, result] { deliver(request, std::move(*result)); });
    });
    if (!is_queued) {
        ++reactor_.count().resolver_limit_hits;
        reactor_.next_tick([this, request, text = endpoint.text()] {
            deliver(request, make_error(ErrorCode::limit, "connect", text, "too many names are being looked up"));
        });
    }
    return request;
}

void Resolver::deliver(std::uint64_t request, Result<std::vector<Address>> result) {
    const auto found = waiting_.find(request);
    if (found == waiting_.end()) return;
    const Answer answer = std::move(found->second);
    waiting_.erase(found);
    answer(std::move(result));
}

}  // namespace tidemill
