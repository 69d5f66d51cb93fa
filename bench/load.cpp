// The load generator: N connections, each with `depth` messages of `size` octets in flight.
//
// What lives here: everything that asks and checks. Plain epoll, one thread, no tidemill, so that a
// fault of the core cannot hide behind the same fault in its own judge.
// What must not: starting servers, pinning, comparing contestants (run.py does that).
//
// Exit code 0: every octet came back, in order. 1: wrong, missing or surplus octets, a lost connection.
// 2: wrong arguments.
//
// Source: epoll(7), clock_getcpuclockid(3).

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using Octets = std::span<unsigned char>;
using ConstOctets = std::span<const unsigned char>;

constexpr std::size_t scratch_capacity = 64 * 1024;
// Reads of one connection before the others have their turn: else two peers that keep each other busy
// starve the rest.
constexpr int reads_per_turn = 4;
constexpr std::chrono::seconds connect_patience{5};
constexpr std::chrono::seconds drain_patience{5};

[[noreturn]] void fail(const std::string& text) {
    std::fprintf(stderr, "load: %s\n", text.c_str());
    std::exit(1);
}

[[noreturn]] void fail_system(const std::string& operation) {
    fail(operation + ": " + std::generic_category().message(errno));
}

[[noreturn]] void refuse(const std::string& text) {
    std::fprintf(stderr, "load: %s\n", text.c_str());
    std::exit(2);
}

// ---- settings ------------------------------------------------------------------------------------

struct Settings {
    std::string endpoint;
    unsigned connections = 64;
    std::size_t size = 64;
    unsigned depth = 1;
    double seconds = 3;
    double warmup = 0.5;
    std::optional<pid_t> server_pid;
    bool json = false;
};

constexpr std::string_view usage =
    "usage: load --connect tcp://127.0.0.1:PORT|unix:///path [--connections 64] [--size 64]\n"
    "            [--depth 1] [--seconds 3] [--warmup 0.5] [--server-pid PID] [--json]";

template <typename Number>
Number parse_number(std::string_view name, std::string_view text, Number least, Number most) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // Written so that a NaN is refused too.
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most)) {
        refuse(std::string(name) + " must be a number from " + std::to_string(least) + " to " + std::to_string(most) + ", not '" +
               std::string(text) + "'");
    }
    return value;
}

void set_option(Settings& settings, std::string_view name, std::string_view value) {
    if (name == "--connect") {
        settings.endpoint = value;
    } else if (name == "--connections") {
        settings.connections = parse_number<unsigned>(name, value, 1, 100'000);
    } else if (name == "--size") {
        // Below 8 octets a message could not carry a whole sequence number.
        settings.size = parse_number<std::size_t>(name, value, 8, 16 * 1024 * 1024);
    } else if (name == "--depth") {
        settings.depth = parse_number<unsigned>(name, value, 1, 4096);
    } else if (name == "--seconds") {
        settings.seconds = parse_number<double>(name, value, 0.01, 600);
    } else if (name == "--warmup") {
        settings.warmup = parse_number<double>(name, value, 0, 60);
    } else if (name == "--server-pid") {
        settings.server_pid = parse_number<pid_t>(name, value, 1, 1 << 30);
    } else {
        refuse("unknown option '" + std::string(name) + "'\n" + std::string(usage));
    }
}

Settings parse_arguments(std::span<char*> arguments) {
    Settings settings;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view name = arguments[i];
        if (name == "--help") {
            std::printf("%s\n", usage.data());
            std::exit(0);
        } else if (name == "--json") {
            settings.json = true;
        } else if (i + 1 == arguments.size()) {
            refuse("'" + std::string(name) + "' needs a value\n" + std::string(usage));
        } else {
            set_option(settings, name, arguments[++i]);
        }
    }
    if (settings.endpoint.empty()) refuse(std::string(usage));
    return settings;
}

// ---- where to connect: this machine only -----------------------------------------------------------

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    bool is_tcp() const { return storage.ss_family != AF_UNIX; }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

template <typename SocketAddress>
Address make_address(const SocketAddress& socket_address) {
    Address address;
    std::memcpy(&address.storage, &socket_address, sizeof socket_address);
    address.length = sizeof socket_address;
    return address;
}

Address parse_unix_address(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!path.starts_with('/') || path.size() >= sizeof address.sun_path) {
        refuse("expected unix:///path, shorter than 108 octets");
    }
    path.copy(address.sun_path, path.size());
    return make_address(address);
}

Address parse_tcp_address(std::string_view host_and_port) {
    const auto colon = host_and_port.rfind(':');
    if (colon == std::string_view::npos) refuse("expected tcp://127.0.0.1:PORT");
    const std::string host(host_and_port.substr(0, colon));
    const auto port = parse_number<std::uint16_t>("the port", host_and_port.substr(colon + 1), 1, 65535);
    if (host == "[::1]") {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        address.sin6_addr = in6addr_loopback;
        return make_address(address);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    const bool is_numeric = inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1;
    if (!is_numeric || ntohl(address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET) {
        refuse("refusing '" + host + "': only 127.0.0.0/8, [::1] and unix:// are loaded");
    }
    return make_address(address);
}

Address parse_endpoint(std::string_view endpoint) {
    constexpr std::string_view unix_scheme = "unix://";
    constexpr std::string_view tcp_scheme = "tcp://";
    if (endpoint.starts_with(unix_scheme)) return parse_unix_address(endpoint.substr(unix_scheme.size()));
    if (endpoint.starts_with(tcp_scheme)) return parse_tcp_address(endpoint.substr(tcp_scheme.size()));
    refuse("expected tcp://127.0.0.1:PORT or unix:///path, not '" + std::string(endpoint) + "'");
}

// ---- the octets: every 8 of them name their connection and their place in its stream ----------------
//
// Word w of connection c is (c << 44 | w) times an odd constant. The product is a bijection, so no two
// places on any connection share a word: a swapped, lost, doubled or foreign octet cannot pass. The
// next word is one addition away, so making and checking cost far less than the system calls. The
// stream is a function of the position alone, hence nothing sent has to be kept.

constexpr std::uint64_t word_step = 0x9e3779b97f4a7c15;
constexpr std::size_t word_size = sizeof(std::uint64_t);
constexpr unsigned word_index_bits = 44;

constexpr std::uint64_t inverse_of_odd(std::uint64_t odd) {
    std::uint64_t inverse = odd;  // Newton's iteration: right in 3 bits, which double each time
    for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;
    return inverse;
}
static_assert(word_step * inverse_of_odd(word_step) == 1);

constexpr std::uint64_t word_at(unsigned connection, std::uint64_t index) {
    return (std::uint64_t{connection} << word_index_bits | index) * word_step;
}

unsigned char octet_at(unsigned connection, std::uint64_t position) {
    const auto word = word_at(connection, position / word_size);
    std::array<unsigned char, word_size> octets;
    std::memcpy(octets.data(), &word, word_size);
    return octets[position % word_size];
}

// Calls on_octet(offset) and on_word(offset, word) over the range; whole words wherever possible.
// Both return false to stop the walk there.
template <typename OnOctet, typename OnWord>
void walk_stream(std::size_t length, unsigned connection, std::uint64_t position, OnOctet on_octet, OnWord on_word) {
    std::size_t offset = 0;
    for (; offset < length && (position + offset) % word_size != 0; ++offset) {
        if (!on_octet(offset)) return;
    }
    std::uint64_t word = word_at(connection, (position + offset) / word_size);
    for (; offset + word_size <= length; offset += word_size, word += word_step) {
        if (!on_word(offset, word)) return;
    }
    for (; offset < length; ++offset) {
        if (!on_octet(offset)) return;
    }
}

void make_stream(Octets into, unsigned connection, std::uint64_t position) {
    walk_stream(
        into.size(), connection, position,
        [&](std::size_t offset) {
            into[offset] = octet_at(connection, position + offset);
            return true;
        },
        [&](std::size_t offset, std::uint64_t word) {
            std::memcpy(&into[offset], &word, word_size);
            return true;
        });
}

// The offset of the first octet that differs from the stream, or nothing.
std::optional<std::size_t> find_wrong_octet(ConstOctets received, unsigned connection, std::uint64_t position) {
    std::optional<std::size_t> wrong;
    const auto check_octet = [&](std::size_t offset) {
        if (received[offset] != octet_at(connection, position + offset)) wrong = offset;
        return !wrong;
    };
    walk_stream(received.size(), connection, position, check_octet, [&](std::size_t offset, std::uint64_t word) {
        if (std::memcmp(&received[offset], &word, word_size) == 0) return true;
        while (check_octet(offset)) ++offset;
        return false;
    });
    return wrong;
}

// ---- latency: logarithmic buckets, 64 to a power of two, so at most 1.6 % wide ----------------------

class Histogram {
public:
    void add(Clock::duration duration) {
        const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
        ++counts_[bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0)))];
        ++total_;
    }

    std::uint64_t total() const { return total_; }

    double percentile_microseconds(double share) const {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
            seen += counts_[bucket];
            if (seen > wanted) return middle_of(bucket) / 1000;
        }
        return 0;
    }

private:
    static constexpr unsigned bits = 6;
    static constexpr std::size_t per_octave = 1 << bits;

    static std::size_t bucket_of(std::uint64_t value) {
        if (value < 2 * per_octave) return value;
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - bits - 1;
        return shift * per_octave + (value >> shift);
    }

    static double middle_of(std::size_t bucket) {
        if (bucket < 2 * per_octave) return static_cast<double>(bucket);
        const std::size_t shift = bucket / per_octave - 1;
        const auto width = static_cast<double>(std::uint64_t{1} << shift);
        return (static_cast<double>(bucket - shift * per_octave) + 0.5) * width;
    }

    std::array<std::uint64_t, (64 - bits + 1) * per_octave> counts_{};
    std::uint64_t total_ = 0;
};

// ---- the server's processor time: nanoseconds from the scheduler, not ticks of 10 ms ----------------

class ServerProcessor {
public:
    explicit ServerProcessor(std::optional<pid_t> pid) {
        if (!pid) return;
        clockid_t clock{};
        if (const int error = clock_getcpuclockid(*pid, &clock); error != 0) {
            fail("no processor clock of process " + std::to_string(*pid) + ": " + std::generic_category().message(error));
        }
        clock_ = clock;
    }

    bool is_known() const { return clock_.has_value(); }

    double seconds() const {
        timespec time{};
        if (clock_ && clock_gettime(*clock_, &time) != 0) fail_system("the server process is gone");
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    }

private:
    std::optional<clockid_t> clock_;
};

// ---- connections ---------------------------------------------------------------------------------

class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int value) : value_(value) {}
    FileDescriptor(FileDescriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~FileDescriptor() {
        if (value_ >= 0) ::close(value_);
    }

    int get() const { return value_; }

private:
    int value_ = -1;
};

struct Connection {
    unsigned number = 0;
    FileDescriptor socket;
    std::uint64_t messages_started = 0;
    std::uint64_t messages_done = 0;
    std::uint64_t octets_sent = 0;
    std::uint64_t octets_received = 0;
    std::vector<Clock::time_point> started_at;  // a ring: message m began at started_at[m % depth]
};

timeval to_timeval(Clock::duration duration) {
    const auto microseconds = std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count(), 1);
    timeval result{};
    result.tv_sec = microseconds / 1'000'000;
    result.tv_usec = microseconds % 1'000'000;
    return result;
}

// Connects while still blocking, with a deadline; only then becomes non-blocking.
FileDescriptor connect_socket(const std::string& endpoint, const Address& address, Clock::time_point deadline) {
    FileDescriptor socket(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) fail_system("socket");
    const timeval patience = to_timeval(deadline - Clock::now());
    // SO_SNDTIMEO also bounds connect(2), see socket(7).
    if (setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) {
        fail_system("SO_SNDTIMEO");
    }
    if (::connect(socket.get(), address.get(), address.length) != 0) {
        fail_system("connect to " + endpoint);
    }
    const int one = 1;
    if (address.is_tcp() && setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) {
        fail_system("TCP_NODELAY");
    }
    if (fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) fail_system("O_NONBLOCK");
    return socket;
}

bool is_transient(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

// ---- the run -------------------------------------------------------------------------------------

struct Report {
    std::uint64_t messages = 0;
    double seconds = 0;
    std::optional<double> server_seconds;
    const Histogram* latency = nullptr;
};

class Run {
public:
    explicit Run(const Settings& settings) : settings_(settings), processor_(settings.server_pid), connections_(settings.connections) {}

    Report measure() {
        connect_all();
        const auto window_begin = Clock::now() + to_duration(settings_.warmup);
        for (auto& connection : connections_) start_messages(connection, settings_.depth);

        turn_until(window_begin);
        is_measuring_ = true;
        const auto begin = Clock::now();
        const double processor_begin = processor_.seconds();
        turn_until(begin + to_duration(settings_.seconds));
        const double processor_end = processor_.seconds();
        const auto end = Clock::now();
        is_measuring_ = false;

        drain();
        if (latency_.total() == 0) fail("not one message came back within the measured time");
        Report report;
        report.messages = latency_.total();
        report.seconds = std::chrono::duration<double>(end - begin).count();
        if (processor_.is_known()) report.server_seconds = processor_end - processor_begin;
        report.latency = &latency_;
        return report;
    }

private:
    static Clock::duration to_duration(double seconds) {
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    }

    void connect_all() {
        const Address address = parse_endpoint(settings_.endpoint);
        epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
        if (epoll_.get() < 0) fail_system("epoll_create1");
        const auto deadline = Clock::now() + connect_patience;
        for (unsigned number = 0; number < connections_.size(); ++number) {
            Connection& connection = connections_[number];
            connection.number = number;
            connection.socket = connect_socket(settings_.endpoint, address, deadline);
            connection.started_at.resize(settings_.depth);
            watch(connection, EPOLL_CTL_ADD);
        }
    }

    void watch(Connection& connection, int operation) {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.ptr = &connection;
        if (epoll_ctl(epoll_.get(), operation, connection.socket.get(), &event) != 0) {
            fail_system("epoll_ctl");
        }
    }

    void turn_until(Clock::time_point end) {
        while (Clock::now() < end) turn();
    }

    // Never sleeps: this process has a core of its own, and a sleeping client would charge the server
    // for waking it at every answer, more the faster the server is.
    void turn() {
        std::array<epoll_event, 256> events;
        const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
        if (count < 0 && errno != EINTR) fail_system("epoll_wait");
        for (int i = 0; i < count; ++i) {
            auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
            on_ready(connection, events[static_cast<std::size_t>(i)].events);
        }
    }

    void on_ready(Connection& connection, std::uint32_t events) {
        if ((events & EPOLLOUT) != 0) send_due(connection);
        if ((events & ~std::uint32_t{EPOLLOUT}) != 0) receive(connection, events);
    }

    void start_messages(Connection& connection, std::uint64_t count) {
        const auto now = Clock::now();
        for (; count > 0; --count) {
            connection.started_at[connection.messages_started % settings_.depth] = now;
            ++connection.messages_started;
        }
        send_due(connection);
    }

    void send_due(Connection& connection) {
        const std::uint64_t due = connection.messages_started * settings_.size;
        while (connection.octets_sent < due) {
            const auto length = std::min<std::uint64_t>(due - connection.octets_sent, scratch_capacity);
            const Octets octets(outgoing_.data(), length);
            make_stream(octets, connection.number, connection.octets_sent);
            const ssize_t sent = ::send(connection.socket.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0 && is_transient(errno)) return;  // EPOLLOUT will call again
            if (sent < 0) fail_system(describe(connection) + ": send");
            connection.octets_sent += static_cast<std::uint64_t>(sent);
        }
    }

    void receive(Connection& connection, std::uint32_t events) {
        for (int reads = 0; reads < reads_per_turn; ++reads) {
            const ssize_t length = ::recv(connection.socket.get(), incoming_.data(), incoming_.size(), 0);
            if (length < 0 && errno == EINTR) continue;
            if (length < 0 && is_transient(errno)) return;
            if (length < 0) fail_system(describe(connection) + ": recv");
            if (length == 0) fail(describe(connection) + ": the server closed it");
            on_octets(connection, ConstOctets(incoming_.data(), static_cast<std::size_t>(length)));
            const bool is_drained = static_cast<std::size_t>(length) < incoming_.size();
            if (is_drained && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
        }
        watch(connection, EPOLL_CTL_MOD);  // reports it anew, behind the others
    }

    void on_octets(Connection& connection, ConstOctets octets) {
        if (const auto wrong = find_wrong_octet(octets, connection.number, connection.octets_received)) {
            fail_wrong_octet(connection, octets, *wrong);
        }
        connection.octets_received += octets.size();
        if (connection.octets_received > connection.octets_sent) {
            fail(describe(connection) + ": octets came back that were not sent yet");
        }
        const std::uint64_t done = connection.octets_received / settings_.size;
        const std::uint64_t finished = done - connection.messages_done;
        if (is_measuring_) record_latency(connection, done);
        connection.messages_done = done;
        if (!is_draining_ && finished > 0) start_messages(connection, finished);
    }

    void record_latency(const Connection& connection, std::uint64_t done) {
        const auto now = Clock::now();
        for (std::uint64_t message = connection.messages_done; message < done; ++message) {
            latency_.add(now - connection.started_at[message % settings_.depth]);
        }
    }

    // Lets everything in flight come home: octets that a server swallows at the end count as well.
    void drain() {
        is_draining_ = true;
        const auto deadline = Clock::now() + drain_patience;
        for (const auto& connection : connections_) {
            while (connection.messages_done < connection.messages_started && Clock::now() < deadline) turn();
            if (connection.messages_done < connection.messages_started) {
                const std::uint64_t due = connection.messages_started * settings_.size;
                fail(describe(connection) + ": " + std::to_string(due - connection.octets_received) + " octets never came back");
            }
        }
    }

    std::string describe(const Connection& connection) const {
        return "connection " + std::to_string(connection.number) + ", message " +
               std::to_string(connection.octets_received / settings_.size);
    }

    [[noreturn]] void fail_wrong_octet(const Connection& connection, ConstOctets octets, std::size_t offset) const {
        const std::uint64_t position = connection.octets_received + offset;
        std::array<char, 256> text;
        std::snprintf(text.data(), text.size(),
                      "wrong octet on connection %u: octet %llu of its stream (message %llu, octet %llu of "
                      "%zu) is 0x%02x, not 0x%02x",
                      connection.number, static_cast<unsigned long long>(position),
                      static_cast<unsigned long long>(position / settings_.size),
                      static_cast<unsigned long long>(position % settings_.size), settings_.size, octets[offset],
                      octet_at(connection.number, position));
        fail(text.data() + find_origin(connection, octets, offset));
    }

    // Says where the wrong octets belong, when they are a whole word that was really sent.
    std::string find_origin(const Connection& connection, ConstOctets octets, std::size_t offset) const {
        const std::size_t into_word = (connection.octets_received + offset) % word_size;
        if (into_word > offset || offset - into_word + word_size > octets.size()) return "";
        std::uint64_t word = 0;
        std::memcpy(&word, &octets[offset - into_word], word_size);
        const std::uint64_t plain = word * inverse_of_odd(word_step);
        const std::uint64_t owner = plain >> word_index_bits;
        const std::uint64_t position = (plain & ((std::uint64_t{1} << word_index_bits) - 1)) * word_size;
        if (owner >= connections_.size() || position >= connections_[owner].octets_sent) return "";
        return "; these octets were sent on connection " + std::to_string(owner) + " in message " +
               std::to_string(position / settings_.size);
    }

    const Settings& settings_;
    ServerProcessor processor_;
    FileDescriptor epoll_;
    std::vector<Connection> connections_;
    Histogram latency_;
    bool is_measuring_ = false;
    bool is_draining_ = false;
    // Page-aligned: the speed of a large copy depends on the buffer's offset within its page.
    alignas(4096) std::array<unsigned char, scratch_capacity> incoming_;
    alignas(4096) std::array<unsigned char, scratch_capacity> outgoing_;
};

// ---- telling ---------------------------------------------------------------------------------------

void print_report(const Report& report, bool as_json) {
    const double per_second = static_cast<double>(report.messages) / report.seconds;
    const double p50 = report.latency->percentile_microseconds(0.50);
    const double p99 = report.latency->percentile_microseconds(0.99);
    std::array<char, 128> server{};
    if (report.server_seconds) {
        const char* format = as_json ? ", \"server_seconds_per_million\": %.6f, \"server_busy\": %.4f"
                                     : ", server %.3f CPU s per million messages (%.3f of a core)";
        std::snprintf(server.data(), server.size(), format, *report.server_seconds * 1e6 / static_cast<double>(report.messages),
                      *report.server_seconds / report.seconds);
    }
    const char* format = as_json ? "{\"messages\": %llu, \"seconds\": %.6f, \"messages_per_second\": %.1f, "
                                   "\"p50_us\": %.2f, \"p99_us\": %.2f%s}\n"
                                 : "%llu messages in %.3f s: %.0f msgs/s, p50 %.1f us, p99 %.1f us%s\n";
    std::printf(format, static_cast<unsigned long long>(report.messages), report.seconds, per_second, p50, p99, server.data());
}

void allow_many_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argument_count, char** arguments) {
    const Settings settings = parse_arguments(std::span(arguments, static_cast<std::size_t>(argument_count)));
    allow_many_descriptors();
    static std::optional<Run> run;  // static: its buffers are too large for comfort on the stack
    run.emplace(settings);
    print_report(run->measure(), settings.json);
}
