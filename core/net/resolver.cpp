#include "tidemill/net/resolver.h"

#include <algorithm>
#include <utility>

namespace tidemill {

Resolver::Resolver(Reactor& reactor) : reactor_(reactor), pool_(limits::resolver_threads, limits::resolver_queue) {}

// Names are the same in any case (RFC 4343).
static std::string key_for(std::string_view host) {
    std::string key(host);
    for (char& c : key) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return key;
}

// ---- asking ----

std::uint64_t Resolver::resolve(const Endpoint& endpoint, std::string_view operation, Answer answer) {
    const std::uint64_t request = ++last_request_;
    const std::string host = key_for(endpoint.host);
    const std::string shown = operation == "resolve" ? endpoint.host : endpoint.text();
    requests_.emplace(request, Request{host, endpoint.port, std::string(operation), shown, std::move(answer)});
    Address literal;
    if (literal_address(endpoint, literal)) {
        tell_soon(request, Addresses{literal});
    } else if (const Known* known = find_known(host)) {
        tell_soon(request, known->answer);
    } else if (const auto found = under_way_.find(host); found != under_way_.end()) {
        found->second.requests.push_back(request);
    } else {
        start(host, request);
    }
    return request;
}

void Resolver::start(const std::string& host, std::uint64_t request) {
    // A number of its own, because a look-up that was given up may still answer while the next one for the name is under way.
    const std::uint64_t look_up_number = ++last_look_up_;
    // The mailbox and not the reactor: the answer may come after the reactor is gone, and then finds it closed.
    const std::uint64_t job = pool_.submit([this, host, look_up_number, mailbox = reactor_.mailbox()] {
        auto answer = std::make_shared<Result<Addresses>>(look_up({Endpoint::Scheme::tcp, host, 0}, "resolve"));
        mailbox->post([this, host, look_up_number, answer] {
            if (const auto found = under_way_.find(host); found == under_way_.end() || found->second.number != look_up_number) return;
            const Duration time = answer->ok() ? Duration{limits::resolver_keeps} : Duration{limits::resolver_keeps_failure};
            keep(host, {*answer, reactor_.now() + time});
            finish(host, *answer);
        });
    });
    if (job == 0) {
        ++reactor_.count().resolver_limit_hits;
        return tell_soon(request, make_error(ErrorCode::limit, "resolve", host, "too many names are being looked up"));
    }
    const HoldId hold =
        reactor_.hold([this, host] { finish(host, make_error(ErrorCode::cancelled, "resolve", host, "the reactor stopped")); });
    under_way_.emplace(host, LookUp{look_up_number, job, hold, {request}});
}

void Resolver::cancel(std::uint64_t request) {
    const auto found = requests_.find(request);
    if (found == requests_.end()) return;
    const auto look_up = under_way_.find(found->second.host);
    requests_.erase(found);
    if (look_up == under_way_.end()) return;
    std::erase(look_up->second.requests, request);
    if (!look_up->second.requests.empty()) return;
    pool_.drop(look_up->second.job);
    reactor_.release(look_up->second.hold);
    under_way_.erase(look_up);
}

// ---- answering ----

void Resolver::finish(const std::string& host, const Result<Addresses>& answer) {
    const auto found = under_way_.find(host);
    if (found == under_way_.end()) return;
    const LookUp look_up = std::move(found->second);
    under_way_.erase(found);
    reactor_.release(look_up.hold);
    // Each in a tick of its own: an answer may do anything, also raise.
    for (const std::uint64_t request : look_up.requests) tell_soon(request, answer);
}

void Resolver::tell_soon(std::uint64_t request, const Result<Addresses>& answer) {
    reactor_.deliver([this, request, answer] { tell(request, answer); });
}

void Resolver::tell(std::uint64_t request, Result<Addresses> answer) {
    const auto found = requests_.find(request);
    if (found == requests_.end()) return;
    const Request asked = std::move(found->second);
    requests_.erase(found);
    if (!answer) {
        Error error = answer.error();
        error.operation = asked.operation;
        error.endpoint = asked.endpoint;
        return asked.answer(std::move(error));
    }
    for (Address& address : answer.value()) address.set_port(asked.port);
    asked.answer(std::move(answer));
}

// ---- what is known ----

const Resolver::Known* Resolver::find_known(const std::string& host) {
    const auto found = known_.find(host);
    if (found == known_.end()) return nullptr;
    if (found->second.until > reactor_.now()) return &found->second;
    known_.erase(found);
    return nullptr;
}

void Resolver::keep(const std::string& host, Known known) {
    if (known_.size() >= limits::resolver_cache && !known_.contains(host)) {
        known_.erase(std::min_element(known_.begin(), known_.end(),
                                      [](const auto& one, const auto& other) { return one.second.until < other.second.until; }));
    }
    known_.insert_or_assign(host, std::move(known));
}

Result<void> Resolver::preset(std::string_view host, const std::vector<std::string>& addresses, Duration time_to_live) {
    Addresses known;
    for (const std::string& text : addresses) {
        Address address;
        if (!literal_address({Endpoint::Scheme::tcp, text, 0}, address)) {
            return make_error(ErrorCode::argument, "preset", text, "a literal address is needed");
        }
        known.push_back(address);
    }
    const TimePoint until = reactor_.now() + std::min<Duration>(time_to_live, limits::longest_time);
    if (known.empty()) {
        keep(key_for(host), {make_error(ErrorCode::resolve, "resolve", host, "Name or service not known"), until});
    } else {
        keep(key_for(host), {std::move(known), until});
    }
    return {};
}

// ---- for programs ----

static Result<Endpoint> endpoint_for(std::string_view host) {
    const bool is_ipv6 = host.find(':') != std::string_view::npos;
    const std::string text = "tcp://" + (is_ipv6 ? "[" + std::string(host) + "]" : std::string(host)) + ":0";
    Result<Endpoint> endpoint = parse_endpoint(text, "resolve");
    Address address;
    const bool is_possible = endpoint && endpoint.value().host == host && host.find('/') == std::string_view::npos;
    if (is_possible && (!is_ipv6 || literal_address(endpoint.value(), address))) return endpoint;
    return make_error(ErrorCode::argument, "resolve", host, "a host is a name, an IPv4 address or an IPv6 address without brackets");
}

Result<Deferred<std::vector<std::string>>> resolve(Reactor& reactor, std::string_view host) {
    const Result<Endpoint> endpoint = endpoint_for(host);
    if (!endpoint) return endpoint.error();
    if (Result<void> usable = reactor.check_usable("resolve", host); !usable) return usable.error();
    if (reactor.is_stopping()) return make_error(ErrorCode::state, "resolve", host, "the reactor is stopping");
    Resolver& resolver = reactor.service<Resolver>();
    const auto request = std::make_shared<std::uint64_t>(0);
    const Deferred<std::vector<std::string>> deferred(reactor, [&resolver, request] { resolver.cancel(*request); });
    *request = resolver.resolve(endpoint.value(), "resolve", [deferred](const Result<Resolver::Addresses>& found) {
        if (!found) {
            deferred.fail(found.error());
            return;
        }
        std::vector<std::string> texts;
        for (const Address& address : found.value()) texts.push_back(address.endpoint().host);
        deferred.succeed(std::move(texts));
    });
    return deferred;
}

}  // namespace tidemill
