#include "echo.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>

#include <sys/socket.h>

namespace {

constexpr std::chrono::seconds connect_patience{30};
constexpr std::chrono::seconds answer_patience{5};
// Fewer than any server's backlog: a full one would have the system drop attempts, which come again a second later.
constexpr unsigned connects_at_once = 64;
constexpr unsigned shuffle_seed = 1;

}  // namespace

Echo::Echo(const Settings& settings, const ServerProcess& server)
    : settings_(settings),
      form_(settings.lines > 0 ? Form::lines : Form::words),
      address_(parse_endpoint(settings.endpoint)),
      window_(server),
      connections_(settings.mode == Mode::hold ? settings.open : settings.connections) {}

void Echo::open(unsigned count, bool answered) {
    const auto deadline = Clock::now() + connect_patience;
    while (open_ < count) {
        const unsigned begin = open_;
        for (; open_ < count && open_ < begin + connects_at_once; ++open_) {
            Connection& connection = connections_[open_];
            connection.number = open_;
            connection.socket = connect_socket(settings_.endpoint, address_, deadline);
            connection.started_at.resize(settings_.depth);
            poller_.add(connection.socket.get(), &connection);
            if (answered) start_messages(connection, 1);
        }
        wait_for_all(begin, open_);
    }
}

Report Echo::measure(unsigned active, bool rotates) {
    rotates_ = rotates;
    is_draining_ = false;
    idle_.clear();
    std::vector<Connection*> order;
    for (unsigned i = 0; i < open_; ++i) order.push_back(&connections_[i]);
    // Else the server would find its connections one after another in memory.
    if (rotates) std::shuffle(order.begin(), order.end(), std::mt19937(shuffle_seed));
    idle_.assign(order.begin() + active, order.end());
    for (unsigned i = 0; i < active; ++i) start_messages(*order[i], settings_.depth);

    const Report report = window_.measure(settings_.warmup, settings_.seconds, [this] { turn(); });
    // Lets everything in flight come home: octets that a server swallows at the end count as well.
    is_draining_ = true;
    wait_for_all(0, open_);
    return report;
}

void Echo::turn() {
    poller_.turn([this](void* owner, std::uint32_t events) { on_ready(*static_cast<Connection*>(owner), events); });
}

void Echo::on_ready(Connection& connection, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) send_due(connection);
    if ((events & ~std::uint32_t{EPOLLOUT}) != 0) receive(connection, events);
}

void Echo::start_messages(Connection& connection, std::uint64_t count) {
    const auto now = Clock::now();
    for (; count > 0; --count) {
        connection.started_at[connection.messages_started % settings_.depth] = now;
        ++connection.messages_started;
    }
    send_due(connection);
}

void Echo::send_due(Connection& connection) {
    const std::uint64_t due = connection.messages_started * settings_.size;
    while (connection.octets_sent < due) {
        const auto length = std::min<std::uint64_t>(due - connection.octets_sent, scratch_capacity);
        const Octets octets(outgoing_.data(), length);
        make_stream(form_, octets, connection.number, connection.octets_sent);
        const ssize_t sent = ::send(connection.socket.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && is_transient(errno)) return;  // EPOLLOUT will call again
        if (sent < 0) fail_system(describe(connection) + ": send");
        connection.octets_sent += static_cast<std::uint64_t>(sent);
    }
}

void Echo::receive(Connection& connection, std::uint32_t events) {
    for (int reads = 0; reads < reads_per_turn; ++reads) {
        const ssize_t length = ::recv(connection.socket.get(), incoming_.data(), incoming_.size(), 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0 && is_transient(errno)) return;
        if (length < 0) fail_system(describe(connection) + ": recv");
        if (length == 0) fail(describe(connection) + ": the server closed it");
        on_octets(connection, ConstOctets(incoming_.data(), static_cast<std::size_t>(length)));
        const bool is_drained = static_cast<std::size_t>(length) < incoming_.size();
        if (is_drained && (events & end_events) == 0) return;
    }
    poller_.report_again(connection.socket.get(), &connection);
}

void Echo::on_octets(Connection& connection, ConstOctets octets) {
    if (const auto wrong = find_wrong_octet(form_, octets, connection.number, connection.octets_received)) {
        fail_wrong_octet(connection, octets, *wrong);
    }
    connection.octets_received += octets.size();
    if (connection.octets_received > connection.octets_sent) {
        fail(describe(connection) + ": octets came back that were not sent yet");
    }
    const std::uint64_t done = connection.octets_received / settings_.size;
    const std::uint64_t finished = done - connection.messages_done;
    if (window_.is_open()) record_latency(connection, done);
    connection.messages_done = done;
    if (!is_draining_ && finished > 0) follow_up(connection, finished);
}

void Echo::record_latency(const Connection& connection, std::uint64_t done) {
    const auto now = Clock::now();
    for (std::uint64_t message = connection.messages_done; message < done; ++message) {
        window_.add_latency(now - connection.started_at[message % settings_.depth]);
        window_.count(std::max(settings_.lines, 1U));
    }
}

void Echo::follow_up(Connection& connection, std::uint64_t finished) {
    if (!rotates_) return start_messages(connection, finished);
    idle_.push_back(&connection);
    Connection& next = *idle_.front();
    idle_.pop_front();
    start_messages(next, 1);
}

void Echo::wait_for_all(unsigned begin, unsigned end) {
    const auto deadline = Clock::now() + answer_patience;
    for (unsigned i = begin; i < end; ++i) {
        const Connection& connection = connections_[i];
        while (connection.messages_done < connection.messages_started && Clock::now() < deadline) turn();
        if (connection.messages_done < connection.messages_started) {
            const std::uint64_t due = connection.messages_started * settings_.size;
            fail(describe(connection) + ": " + std::to_string(due - connection.octets_received) + " octets never came back");
        }
    }
}

std::string Echo::describe(const Connection& connection) const {
    return "connection " + std::to_string(connection.number) + ", message " + std::to_string(connection.octets_received / settings_.size);
}

void Echo::fail_wrong_octet(const Connection& connection, ConstOctets octets, std::size_t offset) const {
    const std::uint64_t position = connection.octets_received + offset;
    std::array<char, 256> text;
    std::snprintf(text.data(), text.size(),
                  "wrong octet on connection %u: octet %llu of its stream (message %llu, octet %llu of "
                  "%zu) is 0x%02x, not 0x%02x",
                  connection.number, static_cast<unsigned long long>(position), static_cast<unsigned long long>(position / settings_.size),
                  static_cast<unsigned long long>(position % settings_.size), settings_.size, octets[offset],
                  octet_at(form_, connection.number, position));
    fail(text.data() + find_origin(connection, octets, offset));
}

// Says where the wrong octets belong, when they are a whole word that was really sent.
std::string Echo::find_origin(const Connection& connection, ConstOctets octets, std::size_t offset) const {
    const std::size_t into_word = (connection.octets_received + offset) % word_size;
    if (form_ != Form::words || into_word > offset || offset - into_word + word_size > octets.size()) return "";
    const Place place = place_of_word(octets.subspan(offset - into_word, word_size));
    const std::uint64_t position = place.index * word_size;
    if (place.connection >= open_ || position >= connections_[place.connection].octets_sent) return "";
    return "; these octets were sent on connection " + std::to_string(place.connection) + " in message " +
           std::to_string(position / settings_.size);
}
