#include "faults/exchange.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <vector>

#include "support/world.h"
#include "tidemill/net/datagram.h"

namespace tidemill::test {
namespace {

// What the server sends from a file.
const std::string& file_text() {
    static const std::string text = pattern(300'000);
    return text;
}

// More than a socket takes at once, so that writing has to wait.
const std::string& long_text() {
    static const std::string text = "e" + pattern(400'000);
    return text;
}

// Far beyond what the slowest ending needs; a turn more is a hang.
constexpr int most_turns = 20'000;
constexpr Duration step = 50ms;
constexpr Duration idle_time = 5s;

std::ptrdiff_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

bool is_in_order(const std::string& trace) {
    static const std::regex order("(open( data| drain)*( end( drain)*)? )?close(\\(\\w+\\))?");
    return std::regex_match(trace, order);
}

// A socket that writes to itself and closes with what comes back. What it was told, a letter each: o open, d data, r drain, l lost, c
// close.
struct Mirror {
    std::string trace;
    bool is_gone = true;
};

class MirrorHandler final : public DatagramHandler {
public:
    explicit MirrorHandler(Mirror& mirror) : mirror_(mirror) { mirror_.is_gone = false; }
    ~MirrorHandler() override { mirror_.is_gone = true; }
    void on_open(Datagram& socket) override {
        mirror_.trace += 'o';
        for (const char* text : {"one", "two", "three"}) socket.write(text, socket.local());
    }
    void on_data(Datagram& socket, Bytes octets, std::string_view) override {
        note('d');
        if (octets == "three") socket.close();
    }
    void on_drain(Datagram&) override { note('r'); }
    void on_lost(Datagram&, const Error&) override { note('l'); }
    void on_close(Datagram&, const Error&) override { mirror_.trace += 'c'; }

private:
    // Once for several in a row: an error that stays may be told thousands of times.
    void note(char what) {
        if (!mirror_.trace.ends_with(what)) mirror_.trace += what;
    }

    Mirror& mirror_;
};

class Life {
public:
    explicit Life(const Exchange& exchange) : exchange_(exchange), reactor_({.poller = exchange.poller, .clock = &clock_}) {}

    std::string live() {
        if (reactor_.startup_error().is_set()) return refuses_everything();
        begin();
        if (!turn_until_over()) return "it does not end: " + traces();
        reactor_.stop();
        for (int i = 0; i < 3; ++i) static_cast<void>(reactor_.run_once());
        for (const PartyPtr& party : parties_) {
            if (party->handlers != 0) return "a handler was not let go: " + traces();
            if (!party->trace.empty() && !is_in_order(party->trace)) return "out of order: " + traces();
        }
        for (const PartyPtr& client : clients_) {
            if (!is_in_order(client->trace)) return "a client was not told: " + traces();
        }
        static const std::regex order("(o[drl]*)?c");
        if (!mirror_.is_gone) return "a datagram handler was not let go";
        if (!mirror_.trace.empty() && !std::regex_match(mirror_.trace, order)) return "datagrams out of order: " + mirror_.trace;
        return check_octets();
    }

private:
    std::string refuses_everything() {
        if (reactor_.run().ok() || reactor_.run_once().ok() || reactor_.fd().ok() || reactor_.wake_fd().ok()) {
            return "a reactor without what it needs can be used";
        }
        const auto party = std::make_shared<Party>();
        if (listen(reactor_, endpoint(), [party] { return handler_of(party); })) return "a listener without a poller";
        if (connect(reactor_, endpoint(), handler_of(party))) return "a connection without a poller";
        reactor_.post([] {});
        return party->handlers == 0 ? "" : "a refused handler lives";
    }

    std::string endpoint() {
        if (exchange_.transport == "tcp4") return "tcp://127.0.0.1:0";
        if (exchange_.transport == "tcp6") return "tcp://[::1]:0";
        return "unix://" + scratch_.path("s");
    }

    void begin() {
        std::ofstream(file_, std::ios::binary) << file_text();
        static_cast<void>(reactor_.wake_fd());
        static_cast<void>(reactor_.fd());
        reactor_.next_tick([this] { reactor_.post([this] { ++events_; }); });
        reactor_.call_later(step, [this] { ++events_; });
        beat_ = reactor_.call_every(step, [this] {
            if (++beats_ == 3) beat_.cancel();
        });
        begin_mirror();
        Result<Listener*> listener = listen(reactor_, endpoint(), [this] { return handler_of(new_server()); }, {.mode = 0600});
        if (!listener) {
            if (listener.error().os == 0) beats_ = -1'000'000;  // no reason: shows as a hang
            return;
        }
        listener_ = listener.value()->id();
        for (const char* task : {"e", "a", "r", "c", "s"}) begin_client(task, listener.value()->endpoint());
    }

    void begin_mirror() {
        const std::string local = exchange_.transport == "unix" ? "unix-datagram://" + scratch_.path("d") : "udp://127.0.0.1:0";
        Result<Datagram*> socket = open_datagram(reactor_, local, std::make_unique<MirrorHandler>(mirror_), {.mode = 0600});
        if (!socket) return;
        const SourceId id = socket.value()->id();
        reactor_.call_later(idle_time, [this, id] {
            if (Datagram* open = find_datagram(reactor_, id)) open->close();
        });
        // One that can never send would never have sent what it closes behind.
        reactor_.call_later(2 * idle_time, [this, id] {
            if (Datagram* open = find_datagram(reactor_, id)) open->abort();
        });
    }

    // e: all comes back after a half-close. s: a file, then the server closes. a: an answer, then the server closes. r: the server aborts. c: the client aborts.
    void begin_client(const std::string& task, const std::string& endpoint) {
        const auto client = std::make_shared<Party>();
        client->on_open = [task](Connection& connection) {
            connection.set_idle_timeout(idle_time);
            connection.write(task == "e" ? std::string_view(long_text()) : std::string_view(task));
            if (task == "e") connection.end_write();
            if (task == "c") connection.abort();
        };
        parties_.push_back(client);
        clients_.push_back(client);
        Result<Connection*> connection = connect(reactor_, endpoint, handler_of(client), {.timeout = 2s});
        if (!connection) client->trace = "refused by connect()";
    }

    PartyPtr new_server() {
        const auto server = std::make_shared<Party>();
        server->on_open = [](Connection& connection) { connection.set_idle_timeout(idle_time); };
        server->on_data = [this, party = server.get()](Connection& connection, Bytes octets) {
            switch (party->received.front()) {
                case 'e':
                    connection.write(octets);
                    break;
                case 's':
                    if (!connection.send_file(file_)) connection.abort();
                    connection.close();
                    break;
                case 'r':
                    connection.abort();
                    break;
                default:
                    connection.write("answer");
                    connection.close();
            }
        };
        parties_.push_back(server);
        return server;
    }

    bool is_over() const {
        for (const PartyPtr& party : parties_) {
            if (party->handlers != 0) return false;
        }
        return beats_ >= 3 && mirror_.is_gone;
    }

    // Nothing to do: the clock moves, so that whatever waits for a deadline goes on; slowly also while there is, or a system that
    // contradicts itself (ready, but EAGAIN) would hold it. Now and then it sleeps a little, in case the system itself needs a moment.
    bool turn_until_over() {
        int quiet = 0;
        for (int turn = 1; turn <= most_turns; ++turn) {
            if (is_over() || turn == exchange_.stop_at) return true;
            Result<bool> did = reactor_.run_once(quiet % 32 == 31 ? 1ms : 0ms);
            quiet = did && did.value() ? 0 : quiet + 1;
            if (quiet > 1 || turn % 16 == 0) clock_.advance(step);
        }
        return false;
    }

    std::string check_octets() {
        if (clients_.empty()) return "";
        const Party& reader = *clients_.back();
        if (!file_text().starts_with(reader.received)) return "octets of the file are lost or swapped";
        if (reader.trace == "open data end close" && reader.received != file_text()) {
            for (const PartyPtr& party : parties_) {
                if (party->received == "s" && !party->reason.is_set() && party.get() != &reader)
                    return "an orderly end and a part of the file";
            }
        }
        for (const PartyPtr& party : parties_) {
            if (party->received.starts_with('e') && !long_text().starts_with(party->received)) return "octets are lost or swapped";
        }
        if (clients_.front()->trace != "open data end close") return "";
        for (const PartyPtr& party : parties_) {
            const bool is_echo = party != clients_.front() && party->received.starts_with('e');
            if (is_echo && !party->reason.is_set() && clients_.front()->received != long_text()) return "an orderly end and octets missing";
        }
        return "";
    }

    std::string traces() const {
        std::string all;
        for (const PartyPtr& party : parties_) all += "[" + party->trace + "] ";
        return all + "beats " + std::to_string(beats_);
    }

    const Exchange& exchange_;
    Scratch scratch_;
    ManualClock clock_;
    const std::string file_ = scratch_.path("file");
    std::vector<PartyPtr> parties_;
    std::vector<PartyPtr> clients_;
    Mirror mirror_;
    Reactor reactor_;
    SourceId listener_ = 0;
    Timer beat_;
    int beats_ = 0;
    int events_ = 0;
};

}  // namespace

std::string Exchange::problem() const {
    long_text();  // made once, outside the counts
    file_text();
    const std::ptrdiff_t before = open_descriptors();
    std::string problem = Life(*this).live();
    if (problem.empty() && open_descriptors() != before) problem = "descriptors are leaked";
    return problem;
}

}  // namespace tidemill::test
