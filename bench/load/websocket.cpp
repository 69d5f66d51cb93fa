#include "websocket.h"

#include <algorithm>

#include <sys/socket.h>

#include "stream.h"

namespace {

constexpr std::chrono::seconds patience{15};
constexpr std::string_view request =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr std::string_view accepted = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";  // RFC 6455 1.3
constexpr std::size_t most = 125;  // octets of a message, so that its length is one octet
constexpr unsigned char mask[] = {0x37, 0xfa, 0x21, 0x3d};

}  // namespace

WebSocket::WebSocket(const Settings& settings, const ServerProcess& server)
    : settings_(settings), address_(parse_endpoint(settings.endpoint)), window_(server), clients_(settings.connections) {
    if (settings.size > most || settings.depth != 1) refuse("--mode websocket takes --size up to 125 and --depth 1");
}

Report WebSocket::measure() {
    const auto deadline = Clock::now() + patience;
    for (Client& client : clients_) {
        client.number = static_cast<unsigned>(&client - clients_.data());
        client.socket = connect_socket(settings_.endpoint, address_, deadline);
        poller_.add(client.socket.get(), &client);
        client.is_waiting = true;
        send(client, std::string(request));
    }
    const Report report = window_.measure(settings_.warmup, settings_.seconds, [this] { turn(); });
    is_draining_ = true;
    const auto end = Clock::now() + patience;
    for (const Client& client : clients_) {
        while (client.is_waiting && Clock::now() < end) turn();
        if (client.is_waiting) fail(describe(client) + ": a message never came back");
    }
    return report;
}

void WebSocket::turn() {
    poller_.turn([this](void* owner, std::uint32_t events) {
        Client& client = *static_cast<Client*>(owner);
        if ((events & EPOLLOUT) != 0) send_due(client);
        if ((events & ~std::uint32_t{EPOLLOUT}) != 0) receive(client, events);
    });
}

void WebSocket::receive(Client& client, std::uint32_t events) {
    for (int reads = 0; reads < reads_per_turn; ++reads) {
        const ssize_t length = ::recv(client.socket.get(), incoming_.data(), incoming_.size(), 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0 && is_transient(errno)) return;
        if (length < 0) fail_system(describe(client) + ": recv");
        if (length == 0) fail(describe(client) + ": the server closed it");
        client.received.append(reinterpret_cast<const char*>(incoming_.data()), static_cast<std::size_t>(length));
        take(client);
        if (static_cast<std::size_t>(length) < incoming_.size() && (events & end_events) == 0) return;
    }
    poller_.report_again(client.socket.get(), &client);
}

void WebSocket::open(Client& client, std::size_t head) {
    client.is_raw = client.received.starts_with("GET ");
    if (!client.is_raw && (!client.received.starts_with("HTTP/1.1 101") || client.received.find(accepted) > head))
        fail(describe(client) + ": not the answer that was due: " + client.received.substr(0, 200));
    client.received.erase(0, head + 4);
    client.is_open = true;
    client.is_waiting = false;
}

void WebSocket::take(Client& client) {
    if (!client.is_open) {
        const std::size_t head = client.received.find("\r\n\r\n");
        if (head == std::string::npos) return;
        open(client, head);
        if (!is_draining_) send_message(client);
    }
    const std::size_t header = client.is_raw ? 0 : 2;
    if (client.received.size() < header + settings_.size) return;
    if (!client.is_raw && (client.received[0] != '\x82' || static_cast<unsigned char>(client.received[1]) != settings_.size))
        fail(describe(client) + ": not the frame that was due");
    const ConstOctets payload(reinterpret_cast<const unsigned char*>(client.received.data()) + header, settings_.size);
    if (!client.is_waiting || client.received.size() != header + settings_.size ||
        find_wrong_octet(Form::words, payload, client.number, client.done))
        fail(describe(client) + ": other octets came back than were sent");
    client.received.clear();
    client.done += settings_.size;
    client.is_waiting = false;
    if (window_.is_open()) {
        window_.add_latency(Clock::now() - client.sent_at);
        window_.count(1);
    }
    if (!is_draining_) send_message(client);
}

void WebSocket::send_message(Client& client) {
    std::string octets(client.is_raw ? 0 : 6, '\0');
    if (!client.is_raw) {
        octets[0] = '\x82';
        octets[1] = static_cast<char>(0x80 | settings_.size);
        std::copy(std::begin(mask), std::end(mask), octets.begin() + 2);
    }
    std::array<unsigned char, most> payload;
    make_stream(Form::words, Octets(payload.data(), settings_.size), client.number, client.done);
    for (std::size_t i = 0; i < settings_.size; ++i) octets += static_cast<char>(payload[i] ^ (client.is_raw ? 0 : mask[i % 4]));
    client.sent_at = Clock::now();
    client.is_waiting = true;
    send(client, std::move(octets));
}

void WebSocket::send(Client& client, std::string octets) {
    client.unsent += octets;
    send_due(client);
}

void WebSocket::send_due(Client& client) {
    while (!client.unsent.empty()) {
        const ssize_t sent = ::send(client.socket.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && is_transient(errno)) return;
        if (sent < 0) fail_system(describe(client) + ": send");
        client.unsent.erase(0, static_cast<std::size_t>(sent));
    }
}

std::string WebSocket::describe(const Client& client) const {
    return "connection " + std::to_string(client.number) + ", message " + std::to_string(client.done / settings_.size);
}
