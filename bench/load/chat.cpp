#include "chat.h"

#include <algorithm>
#include <array>

#include <sys/socket.h>

namespace {

constexpr std::chrono::seconds connect_patience{10};
constexpr std::chrono::seconds answer_patience{5};

}  // namespace

Chat::Chat(const Settings& settings, const ServerProcess& server) : settings_(settings), window_(server), clients_(settings.connections) {}

Report Chat::measure() {
    open();
    settle();
    is_draining_ = false;
    for (Client& client : clients_) send_line(client);
    const Report report = window_.measure(settings_.warmup, settings_.seconds, [this] { turn(); });
    is_draining_ = true;
    wait_for_all();
    return report;
}

void Chat::open() {
    const Address address = parse_endpoint(settings_.endpoint);
    const auto deadline = Clock::now() + connect_patience;
    unsigned number = 0;
    for (Client& client : clients_) {
        client.number = number++;
        client.lines_from.resize(clients_.size());
        client.socket = connect_socket(settings_.endpoint, address, deadline);
        poller_.add(client.socket.get(), &client);
    }
}

// Whoever has its own line back is in the chat; who came later has missed some lines, and that is no fault. When then a further line of
// the first has reached everybody, so have all that went before it.
void Chat::settle() {
    is_settling_ = true;
    for (Client& client : clients_) {
        send_line(client);
        const auto deadline = Clock::now() + answer_patience;
        while (client.lines_from[client.number] < client.lines_sent && Clock::now() < deadline) turn();
    }
    send_line(clients_.front());
    const auto has_it = [&](const Client& client) { return client.lines_from.front() == clients_.front().lines_sent; };
    const auto deadline = Clock::now() + answer_patience;
    while (!std::ranges::all_of(clients_, has_it) && Clock::now() < deadline) turn();
    for (Client& client : clients_) {
        if (client.lines_from[client.number] < client.lines_sent || !has_it(client)) {
            fail("client " + std::to_string(client.number) + " never came into the chat");
        }
        for (const Client& sender : clients_) client.lines_from[sender.number] = sender.lines_sent;
    }
    is_settling_ = false;
}

void Chat::turn() {
    poller_.turn([this](void* owner, std::uint32_t events) {
        if ((events & ~std::uint32_t{EPOLLOUT}) != 0) receive(*static_cast<Client*>(owner), events);
    });
}

void Chat::send_line(Client& client) {
    std::array<unsigned char, line_size> line;
    make_stream(Form::lines, line, client.number, client.lines_sent * line_size);
    ++client.lines_sent;
    client.sent_at = Clock::now();
    // One line is under way at most, so there is always room for it.
    if (::send(client.socket.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
        fail_system("client " + std::to_string(client.number) + ": send");
    }
}

void Chat::receive(Client& client, std::uint32_t events) {
    for (int reads = 0; reads < reads_per_turn; ++reads) {
        const ssize_t length = ::recv(client.socket.get(), incoming_.data(), incoming_.size(), 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0 && is_transient(errno)) return;
        if (length < 0) fail_system("client " + std::to_string(client.number) + ": recv");
        if (length == 0) fail("client " + std::to_string(client.number) + ": the server closed it");
        on_octets(client, ConstOctets(incoming_.data(), static_cast<std::size_t>(length)));
        const bool is_drained = static_cast<std::size_t>(length) < incoming_.size();
        if (is_drained && (events & end_events) == 0) return;
    }
    poller_.report_again(client.socket.get(), &client);
}

void Chat::on_octets(Client& client, ConstOctets octets) {
    if (!client.part.empty()) {
        const std::size_t count = std::min(line_size - client.part.size(), octets.size());
        client.part.insert(client.part.end(), octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(count));
        octets = octets.subspan(count);
        if (client.part.size() < line_size) return;
        on_line(client, client.part);
        client.part.clear();
    }
    for (; octets.size() >= line_size; octets = octets.subspan(line_size)) on_line(client, octets.first(line_size));
    client.part.assign(octets.begin(), octets.end());
}

void Chat::on_line(Client& client, ConstOctets line) {
    const auto place = place_of_line(line);
    if (!place || place->connection >= clients_.size()) fail("client " + std::to_string(client.number) + " got a line that nobody sent");
    Client& sender = clients_[place->connection];
    std::uint64_t& lines_before = client.lines_from[place->connection];
    const bool is_expected = is_settling_ ? place->index >= lines_before : place->index == lines_before;
    if (!is_expected || place->index >= sender.lines_sent) {
        fail("client " + std::to_string(client.number) + " got line " + std::to_string(place->index) + " of client " +
             std::to_string(sender.number) + ", not line " + std::to_string(lines_before));
    }
    lines_before = place->index + 1;
    if (window_.is_open()) window_.count(1);
    if (&sender != &client) return;
    if (window_.is_open()) window_.add_latency(Clock::now() - client.sent_at);
    if (!is_draining_) send_line(client);
}

const Chat::Client* Chat::find_waiting() const {
    for (const Client& client : clients_) {
        for (const Client& sender : clients_) {
            if (client.lines_from[sender.number] < sender.lines_sent) return &client;
        }
    }
    return nullptr;
}

void Chat::wait_for_all() {
    const auto deadline = Clock::now() + answer_patience;
    while (find_waiting() != nullptr && Clock::now() < deadline) turn();
    if (const Client* waiting = find_waiting()) fail("client " + std::to_string(waiting->number) + " never got a line that was sent");
}
