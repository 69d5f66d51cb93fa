// Resolver: host names to addresses, off the loop: getaddrinfo(3) on a few workers. (docs/notes/0005 says why not c-ares.)
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "tidemill/reactor/reactor.h"
#include "tidemill/reactor/thread_pool.h"
#include "tidemill/sys/address.h"

namespace tidemill {

class Resolver {
public:
    using Answer = std::function<void(Result<std::vector<Address>>)>;

    explicit Resolver(Reactor& reactor);

    // answer is called from the loop, exactly once unless cancelled. Errors: resolve, limit.
    std::uint64_t resolve(const Endpoint& endpoint, Answer answer);
    void cancel(std::uint64_t request) { waiting_.erase(request); }

private:
    void deliver(std::uint64_t request, Result<std::vector<Address>> result);

    Reactor& reactor_;
    ThreadPool pool_;
    std::unordered_map<std::uint64_t, Answer> waiting_;
    std::uint64_t next_request_ = 1;
};

}  // namespace tidemill
