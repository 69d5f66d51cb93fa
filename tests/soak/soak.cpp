// The soak: one of the echo servers is loaded for a long time with everything that connections do to a server, and its memory and
// descriptors, and our own, are watched from outside.   soak MINUTES COMMAND... (./dev soak has the commands)
//
// The server listens in plain text and over TLS, with certificates made for it, and has an idle timeout, so that each of its connections
// has a timer. A third of the visitors come over TLS; some of those are cut off in their handshake or later, by a proxy in between.
//
// The first part of the load (a minute, or a fifth of a short run) lets allocators and caches settle; then all comes to rest and is
// measured, and likewise at the end. It fails if a descriptor was not given back, if memory grew beyond the tolerance below, if an echo came
// back changed or not at all, or if the server ended by itself. Our side has timers, posts from threads and datagrams as well.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/scratch.h"
#include "tidemill/net/datagram.h"
#include "tidemill/net/net.h"

using namespace tidemill;
using namespace std::chrono_literals;

namespace {

// Connections at a time, and the pause between one and the next in the same place: some 200 a second. More would use up the ports of
// 127.0.0.1, each of which rests a minute after use (TIME-WAIT).
constexpr int places = 24;
constexpr auto pause_between = 100ms;
constexpr auto longest_first_part = 60s;

// What lingers is gone after limits::linger_time on both sides, and the server may be busy for a moment longer.
constexpr auto rest = limits::linger_time + 1s;

// Memory may grow by the larger of these after the first part: allocators settle slowly, and a burst of slow readers leaves its high-water
// mark behind. A leak of 100 octets a connection is beyond it after ten minutes. Descriptors must be exactly as many.
constexpr long tolerance_kib = 8 * 1024;
constexpr double tolerance_share = 0.10;

// Most visitors send less than a socket's queues hold; those that read slowly or not at all send more.
constexpr int short_text = 100'000;
constexpr int long_text = 2'000'000;

// Who waits longer for an answer will not get it.
constexpr auto patience = 30s;

// The server lets go of who is silent for so long (--idle). A handshake has limits::handshake_timeout.
constexpr auto server_idle = 4s;

// New sessions are agreed on so often; in between they are resumed.
constexpr auto reload_every = 1s;

// The longest way into a TLS stream at which it is cut: about a third of these are in the handshake.
constexpr int longest_cut = 2000;

// Datagrams that an asker sends at once; fewer than the queues hold, so that all are answered.
constexpr int questions = 16;

struct Usage {
    long rss_kib = 0;
    long descriptors = 0;
};

Usage usage_of(pid_t pid) {
    const std::string folder = "/proc/" + std::to_string(pid);
    Usage usage;
    long pages = 0;
    std::ifstream(folder + "/statm") >> pages >> pages;
    usage.rss_kib = pages * (::sysconf(_SC_PAGESIZE) / 1024);
    std::error_code gone;
    for (std::filesystem::directory_iterator all(folder + "/fd", gone), end; !gone && all != end; all.increment(gone)) ++usage.descriptors;
    return usage;
}

// The server, in a process group of its own, which ends with this object; and with us, however we end, by the system's doing.
class Server {
public:
    Server(char** command, const test::Scratch& certificates) {
        std::vector<std::string> words;
        while (*command != nullptr) words.emplace_back(*command++);
        for (const char* option : {"--listen", "tcp://127.0.0.1:0", "--listen", "tls://127.0.0.1:0", "--certificate"})
            words.emplace_back(option);
        words.insert(words.end(), {certificates.path("server.pem"), "--key", certificates.path("server.key"), "--idle"});
        words.push_back(std::to_string(server_idle.count()));
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        start(arguments.data());
    }
    ~Server() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGTERM);
        for (int i = 0; i < 50 && !has_ended(); ++i) std::this_thread::sleep_for(100ms);
        ::kill(-pid_, SIGKILL);
        if (!has_ended_) ::waitpid(pid_, nullptr, 0);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    bool has_ended() { return has_ended_ = has_ended_ || ::waitpid(pid_, nullptr, WNOHANG) != 0; }
    pid_t pid() const { return pid_; }
    // In plain text and over TLS; fewer if it does not say.
    const std::vector<std::string>& endpoints() const { return endpoints_; }

private:
    void start(char** command) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return;
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::setpgid(0, 0);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(1);
            ::dup2(ends[1], 1);
            ::execvp(command[0], command);
            ::_exit(127);
        }
        ::close(ends[1]);
        std::string line;
        for (char octet; endpoints_.size() < 2 && ::read(ends[0], &octet, 1) == 1;) {
            if (octet != '\n') {
                line += octet;
                continue;
            }
            if (const std::string head = "listening on "; line.starts_with(head)) endpoints_.push_back(line.substr(head.size()));
            line.clear();
        }
        ::close(ends[0]);
    }

    pid_t pid_ = -1;
    bool has_ended_ = false;
    std::vector<std::string> endpoints_;
};

// echo: all of it comes back, then we close. drop: the server is writing, we do not read, and reset. slow: reading begins late.
// half_close: we end first. abandon: we close with the answer on its way. cut: over a Cutter, so that anything may become of it. silent:
// the server has to let us go.
enum class Way { echo, drop, slow, half_close, abandon, cut, silent };

struct Soak {
    Reactor reactor;
    std::string endpoint;
    std::string tls_endpoint;
    std::string bare_tls_endpoint;  // the same as tcp://
    std::string cut_endpoint;  // our own Cutter before it
    std::string udp_endpoint;  // our own echo
    std::shared_ptr<TlsContext> context;
    std::mt19937 random{20240601};
    std::string noise;
    bool is_loading = false;
    long connections = 0;
    long failures = 0;
    long octets = 0;
    long changed = 0;
    long open = 0;
    long datagrams = 0;
    long handshakes = 0;
    long resumed = 0;
    long cuts = 0;
    long let_go = 0;
    int lurkers = 0;
    TimePoint ends_at{};
    std::atomic<long> posts{0};

    int pick(int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); }
    std::string_view some_noise(int most) {
        const auto size = static_cast<std::size_t>(1 + pick(most));
        return std::string_view(noise).substr(static_cast<std::size_t>(pick(static_cast<int>(noise.size() - size))), size);
    }
    void fail(const std::string& what) {
        if (++failures <= 5) std::printf("failed: %s\n", what.c_str());
    }
    void visit(const std::string& where, Way way, bool is_tls, bool is_lurker);
    void begin();
    void lurk();
    void ask();
    void load_for(Duration length, const std::function<void()>& then);
    void rest_then(const std::function<void()>& then);
};

class Visitor final : public Handler {
public:
    Visitor(Soak& soak, Way way, bool is_lurker)
        : soak_(soak),
          way_(way),
          is_lurker_(is_lurker),
          text_(soak.some_noise(way == Way::slow || way == Way::drop ? long_text : short_text)) {
        ++soak_.open;
    }
    ~Visitor() override { --soak_.open; }

    void on_open(Connection& connection) override {
        ++soak_.connections;
        is_opened_ = true;
        connection.set_idle_timeout(patience);
        if (way_ == Way::silent) return;
        connection.write(text_);
        if (way_ == Way::half_close) connection.end_write();
        if (way_ == Way::abandon) return connection.close();
        timer_ = soak_.reactor.call_later(patience, [] {});  // set and cancelled with everything that comes
        if (way_ != Way::slow && way_ != Way::drop) return;
        connection.pause();
        // The visitor may be gone by then, so that the timer finds its connection by its id.
        soak_.reactor.call_later(std::chrono::milliseconds(soak_.pick(way_ == Way::slow ? 300 : 20)),
                                 [&soak = soak_, way = way_, id = connection.id()] {
                                     Connection* still = find_connection(soak.reactor, id);
                                     if (still == nullptr) return;
                                     way == Way::slow ? still->resume() : still->abort();
                                 });
    }
    void on_tls(Connection&, const TlsInfo& info) override {
        ++soak_.handshakes;
        if (info.is_resumed) ++soak_.resumed;
    }
    void on_data(Connection& connection, Bytes octets) override {
        timer_.cancel();
        timer_ = soak_.reactor.call_later(patience, [] {});
        soak_.octets += static_cast<long>(octets.size());
        if (text_.compare(got_, octets.size(), octets) != 0) ++soak_.changed;
        got_ += octets.size();
        if (got_ == text_.size() && way_ != Way::half_close) connection.close();
    }
    void on_close(Connection&, const Error& reason) override {
        timer_.cancel();
        const bool is_early = way_ == Way::drop || way_ == Way::abandon;
        const bool is_whole = got_ == text_.size() && !reason.is_set();
        const bool is_let_go = way_ == Way::silent && reason.code != ErrorCode::timeout;  // that would be our own
        if (is_let_go) ++soak_.let_go;
        if (way_ != Way::cut && !(is_opened_ && (is_early || is_whole || is_let_go))) {
            soak_.fail(std::to_string(got_) + " of " + std::to_string(text_.size()) + " octets came back, " + reason.text());
        }
        if (!soak_.is_loading) return;
        soak_.reactor.call_later(pause_between, [&soak = soak_, is_lurker = is_lurker_] { is_lurker ? soak.lurk() : soak.begin(); });
    }

private:
    Soak& soak_;
    Way way_;
    bool is_lurker_;
    std::string_view text_;
    std::size_t got_ = 0;
    bool is_opened_ = false;
    Timer timer_;
};

// One side of a proxy between a visitor and the server's TLS. It lets some of the visitor's octets pass and then ends both without a word of
// TLS: in the middle of a handshake or of the stream.
class Cutter final : public Handler {
public:
    Cutter(Soak& soak, SourceId front) : soak_(soak), other_(front), is_front_(front == 0) { ++soak_.open; }
    ~Cutter() override { --soak_.open; }

    void on_open(Connection& connection) override {
        if (is_front_) {
            connection.pause();
            const auto back = connect(soak_.reactor, soak_.bare_tls_endpoint, HandlerPtr(new Cutter(soak_, connection.id())));
            if (!back) return connection.abort();
            other_ = back.value()->id();
        } else if (Connection* front = find_connection(soak_.reactor, other_); front != nullptr) {
            if (!front->proxy_to(connection, 1 + soak_.pick(longest_cut)) || !connection.proxy_to(*front)) soak_.fail("proxy_to");
            front->resume();
        } else {
            connection.close();
        }
    }
    void on_proxy_end(Connection& connection, const Error& reason) override {
        if (is_front_ && !reason.is_set()) ++soak_.cuts;
        connection.close();
    }
    void on_close(Connection&, const Error&) override {
        if (Connection* other = find_connection(soak_.reactor, other_); other != nullptr) other->close();
    }

private:
    Soak& soak_;
    SourceId other_;
    bool is_front_;
};

class UdpEcho final : public DatagramHandler {
public:
    void on_data(Datagram& datagram, Bytes octets, std::string_view peer) override { datagram.write(octets, peer); }
};

// Sends its questions, waits for as many answers or for half of them, and closes: then the rest finds nobody.
class Asker final : public DatagramHandler {
public:
    explicit Asker(Soak& soak) : soak_(soak), awaited_(soak.pick(2) == 0 ? questions : questions / 2) { ++soak_.open; }
    ~Asker() override { --soak_.open; }

    void on_open(Datagram& datagram) override {
        for (int i = 0; i < questions; ++i) datagram.write(soak_.some_noise(1400));
    }
    void on_data(Datagram& datagram, Bytes, std::string_view) override {
        ++soak_.datagrams;
        if (++got_ == awaited_) datagram.close();
    }
    void on_close(Datagram&, const Error& reason) override {
        if (got_ < awaited_) soak_.fail(std::to_string(got_) + " answers by datagram, " + reason.text());
        if (soak_.is_loading) soak_.reactor.call_later(pause_between, [&soak = soak_] { soak.ask(); });
    }

private:
    Soak& soak_;
    int awaited_;
    int got_ = 0;
};

void Soak::visit(const std::string& where, Way way, bool is_tls, bool is_lurker) {
    const ConnectOptions options{.tls = is_tls ? context : nullptr, .server_name = "localhost"};
    if (!connect(reactor, where, HandlerPtr(new Visitor(*this, way, is_lurker)), options)) fail("connect");
}

void Soak::begin() {
    if (!is_loading) return;
    const bool is_tls = pick(3) == 0;
    const auto way = static_cast<Way>(pick(static_cast<int>(is_tls ? Way::cut : Way::abandon) + 1));
    visit(way == Way::cut ? cut_endpoint : is_tls ? tls_endpoint : endpoint, way, is_tls, false);
}

// One at a time, besides the others: who says nothing, in plain text, after the handshake and before it, and who sends no TLS to TLS.
void Soak::lurk() {
    if (!is_loading) return;
    // A short run must not wait for the server's deadline.
    const bool has_time = ends_at - reactor.now() > limits::handshake_timeout;
    switch (lurkers++ % 5) {
        case 0:
            return visit(endpoint, Way::silent, false, true);
        case 1:
            return visit(tls_endpoint, Way::silent, true, true);
        case 2:
            return visit(bare_tls_endpoint, Way::abandon, false, true);
        case 3:
            return visit(bare_tls_endpoint, Way::drop, false, true);
        default:
            return visit(bare_tls_endpoint, has_time ? Way::silent : Way::abandon, false, true);
    }
}

void Soak::ask() {
    if (!is_loading) return;
    const auto asker = open_datagram(reactor, "udp://127.0.0.1:0", std::make_unique<Asker>(*this), {.connect_to = udp_endpoint});
    if (!asker) return fail(asker.error().text());
    reactor.call_later(patience, [this, id = asker.value()->id()] {
        if (Datagram* still = find_datagram(reactor, id); still != nullptr) still->close();
    });
}

void Soak::load_for(Duration length, const std::function<void()>& then) {
    is_loading = true;
    ends_at = reactor.now() + length;
    for (int i = 0; i < places; ++i) begin();
    lurk();
    ask();
    reactor.call_later(length, [this, then] {
        is_loading = false;
        rest_then(then);
    });
}

// The visitors of the load go in their own time, each within its idle timeout.
void Soak::rest_then(const std::function<void()>& then) {
    if (open == 0) {
        reactor.call_later(rest, then);
    } else {
        reactor.call_later(100ms, [this, then] { rest_then(then); });
    }
}

bool is_within(const char* who, const Usage& base, const Usage& end) {
    const long most = base.rss_kib + std::max(tolerance_kib, static_cast<long>(static_cast<double>(base.rss_kib) * tolerance_share));
    const bool is_fine = end.rss_kib > 0 && end.rss_kib <= most && end.descriptors == base.descriptors;
    std::printf("%s: rss %ld KiB after the first part, %ld at the end (at most %ld); descriptors %ld and %ld (the same): %s\n", who,
                base.rss_kib, end.rss_kib, most, base.descriptors, end.descriptors, is_fine ? "fine" : "NOT FINE");
    return is_fine;
}

int run(double minutes, char** command) {
    const test::Scratch certificates;
    if (std::system(("sh " TIDEMILL_TEST_FOLDER "/support/certificates.sh " + certificates.path("")).c_str()) != 0) return 1;
    Server server(command, certificates);
    if (server.endpoints().size() < 2) return std::fprintf(stderr, "soak: the server does not say where it listens\n"), 1;

    const auto length = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::ratio<60>>(minutes));
    const Duration first_part = std::min<Duration>(longest_first_part, length / 5);
    const auto began = std::chrono::steady_clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };

    Soak soak;
    soak.endpoint = server.endpoints()[0];
    soak.tls_endpoint = server.endpoints()[1];
    soak.bare_tls_endpoint = "tcp" + soak.tls_endpoint.substr(3);
    const auto context = TlsContext::make({.authorities = certificates.path("ca.pem")});
    const auto cutter = listen(soak.reactor, "tcp://127.0.0.1:0", [&soak] { return HandlerPtr(new Cutter(soak, 0)); });
    if (!context || !cutter) return std::fprintf(stderr, "soak: %s\n", (context ? cutter.error() : context.error()).text().c_str()), 1;
    soak.context = context.value();
    soak.cut_endpoint = cutter.value()->endpoint();
    soak.reactor.call_every(reload_every, [&soak] {
        if (!soak.context->reload()) soak.fail("reload");
    });
    soak.noise.resize(4 * long_text);
    for (char& octet : soak.noise) octet = static_cast<char>(soak.random());
    const auto udp = open_datagram<UdpEcho>(soak.reactor, "udp://127.0.0.1:0");
    if (!udp) return std::fprintf(stderr, "soak: %s\n", udp.error().text().c_str()), 1;
    soak.udp_endpoint = udp.value()->local();

    Usage base, own_base, end, own_end;
    bool has_finished = false;
    soak.load_for(first_part, [&] {
        base = usage_of(server.pid());
        own_base = usage_of(::getpid());
        soak.load_for(length - first_part, [&] {
            end = usage_of(server.pid());
            own_end = usage_of(::getpid());
            has_finished = true;
            soak.reactor.stop();
        });
    });
    soak.reactor.call_every(std::min<Duration>(10s, length / 5), [&] {
        const Usage now = usage_of(server.pid()), own = usage_of(::getpid());
        std::printf(
            "%5.0f s %8ld connections %6ld MiB echoed %8ld datagrams %9ld posts; server %6ld KiB, %3ld fds; load %6ld KiB, %3ld fds\n",
            elapsed(), soak.connections, soak.octets >> 20, soak.datagrams, soak.posts.load(), now.rss_kib, now.descriptors, own.rss_kib,
            own.descriptors);
        std::fflush(stdout);
        if (server.has_ended()) soak.reactor.stop();
    });

    std::atomic<bool> is_over{false};
    std::vector<std::thread> posters;
    for (int i = 0; i < 2; ++i) {
        posters.emplace_back([&] {
            while (!is_over) {
                soak.reactor.post([&] { ++soak.posts; });
                std::this_thread::sleep_for(1ms);
            }
        });
    }
    const Result<void> ran = soak.reactor.run();
    is_over = true;
    for (std::thread& poster : posters) poster.join();

    const bool is_within_bounds = is_within("server", base, end) & is_within("load", own_base, own_end);
    std::printf("%ld connections, %ld handshakes of which %ld resumed, %ld cut off, %ld let go; %ld failed, %ld changed%s%s\n",
                soak.connections, soak.handshakes, soak.resumed, soak.cuts, soak.let_go, soak.failures, soak.changed,
                server.has_ended() ? ", the server ended by itself" : "", ran ? "" : ", the load could not run");
    const bool is_fine = is_within_bounds && has_finished && !server.has_ended() && ran && soak.failures == 0 && soak.changed == 0 &&
                         soak.datagrams > 0 && soak.handshakes > soak.resumed && soak.resumed > 0 && soak.cuts > 0 && soak.let_go > 0;
    std::printf("%d passed, %d failed\n", is_fine ? 1 : 0, is_fine ? 0 : 1);
    return is_fine ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const double minutes = argc > 2 ? std::atof(argv[1]) : 0;
    if (minutes <= 0) return std::fprintf(stderr, "usage: soak MINUTES COMMAND...\n"), 2;
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // ends with ./dev soak, and the server with us
    ::alarm(static_cast<unsigned>(minutes * 60) + 120);  // if we hang
    return run(minutes, argv + 2);
}
