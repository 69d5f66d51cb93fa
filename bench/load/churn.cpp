#include "churn.h"

#include <algorithm>
#include <string>

#include <sys/socket.h>

namespace {

constexpr std::chrono::seconds patience{5};
// 127.0.1.0 onward: this many addresses have some seven million ports, enough for those that rest for a minute after their end (TIME_WAIT).
constexpr unsigned source_count = 250;

}  // namespace

Churn::Churn(const Settings& settings, const ServerProcess& server)
    : settings_(settings), address_(parse_endpoint(settings.endpoint)), window_(server), visits_(settings.connections) {}

Report Churn::measure() {
    for (Visit& visit : visits_) begin(visit);
    const Report report = window_.measure(settings_.warmup, settings_.seconds, [this] { turn(); });
    is_draining_ = true;
    wait_for_all();
    return report;
}

void Churn::turn() {
    poller_.turn([this](void* owner, std::uint32_t events) {
        if ((events & ~std::uint32_t{EPOLLOUT}) != 0) receive(*static_cast<Visit*>(owner));
    });
}

void Churn::begin(Visit& visit) {
    visit.number = begun_++;
    visit.begun_at = Clock::now();
    visit.answer.clear();
    visit.has_ended = false;
    const Address source = address_.storage.ss_family == AF_INET ? loopback_source(visit.number % source_count) : Address{};
    visit.socket = connect_socket(settings_.endpoint, address_, visit.begun_at + patience, source.length > 0 ? &source : nullptr);
    poller_.add(visit.socket.get(), &visit);
    std::vector<unsigned char> message(settings_.size);
    make_stream(Form::words, message, visit.number, 0);
    if (::send(visit.socket.get(), message.data(), message.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message.size())) {
        fail_system("visit " + std::to_string(visit.number) + ": send");
    }
}

void Churn::receive(Visit& visit) {
    while (!visit.has_ended) {
        const ssize_t length = ::recv(visit.socket.get(), incoming_.data(), incoming_.size(), 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0 && is_transient(errno)) return;
        if (length < 0) fail_system("visit " + std::to_string(visit.number) + ": recv");
        if (length == 0) return on_end(visit);
        visit.answer.insert(visit.answer.end(), incoming_.begin(), incoming_.begin() + length);
        if (visit.answer.size() >= settings_.size) on_answer(visit);
    }
}

void Churn::on_answer(Visit& visit) {
    if (visit.answer.size() > settings_.size || find_wrong_octet(Form::words, visit.answer, visit.number, 0)) {
        fail("visit " + std::to_string(visit.number) + " got other octets than it sent");
    }
    if (window_.is_open()) window_.add_latency(Clock::now() - visit.begun_at);
    if (::shutdown(visit.socket.get(), SHUT_WR) != 0) fail_system("shutdown");
}

// The server's end: only now the visit counts, and makes room for the next.
void Churn::on_end(Visit& visit) {
    if (visit.answer.size() != settings_.size)
        fail("visit " + std::to_string(visit.number) + ": the server closed it before it had answered");
    if (window_.is_open()) window_.count(1);
    visit.socket = FileDescriptor();
    visit.has_ended = true;
    if (!is_draining_) begin(visit);
}

void Churn::wait_for_all() {
    const auto deadline = Clock::now() + patience;
    for (const Visit& visit : visits_) {
        while (!visit.has_ended && Clock::now() < deadline) turn();
        if (!visit.has_ended) fail("visit " + std::to_string(visit.number) + " never got the server's end");
    }
}
