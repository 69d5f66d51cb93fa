#include "http.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <string_view>

#include <strings.h>
#include <sys/socket.h>

namespace {

constexpr std::chrono::seconds connect_patience{30};
constexpr std::chrono::seconds answer_patience{5};
// Fewer than any server's backlog: a full one would have the system drop attempts, which come again a second later.
constexpr unsigned connects_at_once = 64;
constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n";
// What every contestant answers with, status 200 and a Content-Length.
constexpr std::string_view body = "hello, world";

// The value of a field of a head; empty if it is not there.
std::string_view field(std::string_view head, std::string_view name) {
    for (std::size_t at = head.find("\r\n"); at != head.npos && at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
        const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
        if (line.size() <= name.size() || line[name.size()] != ':' || strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
        const std::string_view value = line.substr(name.size() + 1);
        return value.substr(std::min(value.find_first_not_of(' '), value.size()));
    }
    return {};
}

}  // namespace

Http::Http(const Settings& settings, const ServerProcess& server)
    : settings_(settings),
      address_(parse_endpoint(settings.endpoint)),
      window_(server),
      clients_(settings.mode == Mode::hold_http ? settings.open : settings.connections) {
    for (unsigned i = 0; i < settings.depth; ++i) requests_ += request;
}

void Http::open(unsigned count) {
    is_draining_ = true;  // one request each
    while (open_ < count) {
        const unsigned begin = open_;
        for (; open_ < count && open_ < begin + connects_at_once; ++open_) {
            open(clients_[open_]);
            ask(clients_[open_], 1);
        }
        wait_for_all(begin, open_);
    }
}

Report Http::measure(unsigned active) {
    open_ = std::max(open_, active);
    is_draining_ = false;
    for (Client& client : std::span(clients_).first(active)) {
        if (client.is_open && !client.is_ending)
            ask(client, settings_.depth);
        else
            open(client);
    }
    const Report report = window_.measure(settings_.warmup, settings_.seconds, [this] { turn(); });
    is_draining_ = true;
    wait_for_all(0, open_);
    return report;
}

// Servers end a connection after some number of requests, as their defaults have it; what they had not answered is asked anew.
void Http::open(Client& client) {
    client.number = static_cast<unsigned>(&client - clients_.data());
    client.asked_at.resize(settings_.depth);
    client.is_open = true;
    client.socket = connect_socket(settings_.endpoint, address_, Clock::now() + connect_patience);
    client.received.clear();
    client.asked = client.answered = client.unsent = 0;
    client.is_ending = false;
    poller_.add(client.socket.get(), &client);
    if (!is_draining_) ask(client, settings_.depth);
}

void Http::turn() {
    poller_.turn([this](void* owner, std::uint32_t events) {
        Client& client = *static_cast<Client*>(owner);
        if ((events & EPOLLOUT) != 0) send_due(client);
        if ((events & ~std::uint32_t{EPOLLOUT}) != 0) receive(client, events);
    });
}

void Http::ask(Client& client, unsigned count) {
    const auto now = Clock::now();
    for (unsigned i = 0; i < count; ++i) client.asked_at[client.asked++ % settings_.depth] = now;
    client.unsent += count * request.size();
    send_due(client);
}

// All requests are alike: what is unsent is the end of that many.
void Http::send_due(Client& client) {
    while (client.unsent > 0) {
        const std::string_view due = std::string_view(requests_).substr(requests_.size() - client.unsent);
        const ssize_t sent = ::send(client.socket.get(), due.data(), due.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && is_transient(errno)) return;
        if (sent < 0 && client.is_ending) return;
        if (sent < 0) fail_system(describe(client) + ": send");
        client.unsent -= static_cast<std::size_t>(sent);
    }
}

void Http::receive(Client& client, std::uint32_t events) {
    for (int reads = 0; reads < reads_per_turn; ++reads) {
        const ssize_t length = ::recv(client.socket.get(), incoming_.data(), incoming_.size(), 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0 && is_transient(errno)) return;
        if (length <= 0 && client.is_ending) return open(client);  // a reset as well: it had requests of ours unread
        if (length < 0) fail_system(describe(client) + ": recv");
        if (length == 0) fail(describe(client) + ": the server closed it");
        client.received.append(reinterpret_cast<const char*>(incoming_.data()), static_cast<std::size_t>(length));
        const unsigned answers = take_answers(client);
        if (answers > 0 && !is_draining_ && !client.is_ending) ask(client, answers);
        const bool is_drained = static_cast<std::size_t>(length) < incoming_.size();
        if (is_drained && (events & end_events) == 0) return;
    }
    poller_.report_again(client.socket.get(), &client);
}

unsigned Http::take_answers(Client& client) {
    const auto now = Clock::now();
    std::string_view rest = client.received;
    unsigned answers = 0;
    for (;;) {
        const std::size_t end = rest.find("\r\n\r\n");
        if (end == rest.npos) break;
        const std::string_view head = rest.substr(0, end + 2);
        const std::string_view text = field(head, "content-length");
        std::size_t size = 0;
        std::from_chars(text.data(), text.data() + text.size(), size);
        if (!head.starts_with("HTTP/1.1 200") || size != body.size())
            fail(describe(client) + ": not the answer that was due: " + std::string(head.substr(0, 200)));
        if (rest.size() < end + 4 + size) break;
        if (rest.substr(end + 4, size) != body) fail(describe(client) + ": wrong octets in a body");
        rest.remove_prefix(end + 4 + size);
        client.is_ending = client.is_ending || field(head, "connection") == "close";
        if (client.answered == client.asked) fail(describe(client) + ": more answers than requests");
        if (window_.is_open()) {
            window_.add_latency(now - client.asked_at[client.answered % settings_.depth]);
            window_.count(1);
        }
        ++client.answered;
        ++answers;
    }
    client.received.erase(0, client.received.size() - rest.size());
    return answers;
}

void Http::wait_for_all(unsigned begin, unsigned end) {
    const auto deadline = Clock::now() + answer_patience;
    for (const Client& client : std::span(clients_).subspan(begin, end - begin)) {
        while (!client.is_ending && client.answered < client.asked && Clock::now() < deadline) turn();
        if (client.is_ending) continue;
        if (client.answered < client.asked)
            fail(describe(client) + ": " + std::to_string(client.asked - client.answered) + " answers never came");
        if (!client.received.empty()) fail(describe(client) + ": octets behind the last answer");
    }
}

std::string Http::describe(const Client& client) const {
    return "connection " + std::to_string(client.number) + ", request " + std::to_string(client.answered);
}
