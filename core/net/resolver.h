// Resolver: host names to addresses, off the loop: getaddrinfo(3) on a few workers. (docs/notes/0005 says why not c-ares.)
//
// Requests for one name share one look-up. Answers are kept for limits::resolver_keeps, because getaddrinfo tells no time to live;
// what preset() was given is kept as long as it says. So a change of /etc/hosts is seen after that time.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tidemill/reactor/deferred.h"
#include "tidemill/reactor/reactor.h"
#include "tidemill/reactor/thread_pool.h"
#include "tidemill/sys/address.h"

namespace tidemill {

class Resolver {
public:
    using Addresses = std::vector<Address>;
    using Answer = std::function<void(Result<Addresses>)>;

    explicit Resolver(Reactor& reactor);

    // answer is called from the loop, exactly once unless cancelled, with the endpoint's port in each address; until then run() does
    // not return. operation: for the error. Errors: resolve, limit, cancelled (the reactor stopped).
    std::uint64_t resolve(const Endpoint& endpoint, std::string_view operation, Answer answer);
    void cancel(std::uint64_t request);

    // An answer that is known beforehand: addresses as text, none of them if there is no such name. Replaces what is known about it.
    // Errors: argument, if one is no literal address.
    Result<void> preset(std::string_view host, const std::vector<std::string>& addresses, Duration time_to_live);

    // Forgets the answers, presets included.
    void forget() { known_.clear(); }

    // How often the system has been asked.
    std::uint64_t look_ups() const { return last_look_up_; }

private:
    struct Request {
        std::string host;
        std::uint16_t port;
        std::string operation;
        std::string endpoint;
        Answer answer;
    };
    struct Known {
        Result<Addresses> answer;
        TimePoint until;
    };
    struct LookUp {
        std::uint64_t number;
        std::uint64_t job;  // in the pool
        HoldId hold;
        std::vector<std::uint64_t> requests;
    };

    const Known* find_known(const std::string& host);
    void keep(const std::string& host, Known known);
    void start(const std::string& host, std::uint64_t request);
    void finish(const std::string& host, const Result<Addresses>& answer);
    void tell_soon(std::uint64_t request, const Result<Addresses>& answer);
    void tell(std::uint64_t request, Result<Addresses> answer);

    Reactor& reactor_;
    ThreadPool pool_;
    std::unordered_map<std::uint64_t, Request> requests_;
    std::unordered_map<std::string, LookUp> under_way_;  // by host
    std::unordered_map<std::string, Known> known_;       // by host
    std::uint64_t last_request_ = 0;
    std::uint64_t last_look_up_ = 0;
};

// The addresses of a host as text, in the system's order of preference. host: a name, or a literal address (IPv6 without brackets, with a
// scope or without), which is its own answer. Errors of the call: argument, state; the Deferred's: resolve, limit, cancelled.
Result<Deferred<std::vector<std::string>>> resolve(Reactor& reactor, std::string_view host);

}  // namespace tidemill
