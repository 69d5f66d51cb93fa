// The server over asio, without Boost: one io_context in one thread (concurrency hint 1 leaves its locks out). A write is tried at once;
// what is written while an async_write is under way gathers in a string and leaves with the next.
#include <array>
#include <asio.hpp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "listening.h"

namespace {

enum work served;

template <class Protocol>
class Connection : public std::enable_shared_from_this<Connection<Protocol>> {
public:
    using Socket = typename Protocol::socket;

    explicit Connection(Socket socket) : socket_(std::move(socket)) {}

    void start() {
        socket_.non_blocking(true);
        if (served == work_chat) everybody.insert(this);
        read();
    }

    ~Connection() { everybody.erase(this); }

private:
    // Of all connections, since a read is a wait and then a receive that never blocks: an idle one needs no buffer of its own.
    alignas(4096) static inline std::array<char, 64 * 1024> buffer;
    static inline std::unordered_set<Connection*> everybody;

    void read() {
        socket_.async_wait(Socket::wait_read, [self = this->shared_from_this()](const asio::error_code& error) {
            if (!error && self->receive()) self->read();
        });
    }

    bool receive() {
        asio::error_code error;
        const std::size_t length = socket_.receive(asio::buffer(buffer), 0, error);
        if (error == asio::error::would_block) return true;
        if (error) return false;
        const std::string_view octets(buffer.data(), length);
        if (served == work_echo) {
            write(octets);
        } else {
            cut(octets);
        }
        return true;
    }

    void cut(std::string_view octets) {
        for (std::size_t end = octets.find('\n'); end != std::string_view::npos; end = octets.find('\n')) {
            part_.append(octets.substr(0, end + 1));
            octets.remove_prefix(end + 1);
            on_line(part_);
            part_.clear();
        }
        part_.append(octets);
    }

    void on_line(std::string_view line) {
        if (served == work_lines) return write(line);
        for (Connection* connection : everybody) connection->write(line);
    }

    void write(std::string_view octets) {
        if (!is_writing_) {
            asio::error_code error;
            octets.remove_prefix(socket_.send(asio::buffer(octets.data(), octets.size()), 0, error));
            if (octets.empty()) return;
            if (error && error != asio::error::would_block) return;  // reading will tell
        }
        waiting_.append(octets);
        if (!is_writing_) write_waiting();
    }

    void write_waiting() {
        is_writing_ = true;
        under_way_.swap(waiting_);
        waiting_.clear();
        asio::async_write(socket_, asio::buffer(under_way_), [self = this->shared_from_this()](const asio::error_code& error, std::size_t) {
            self->is_writing_ = false;
            if (!error && !self->waiting_.empty()) self->write_waiting();
        });
    }

    Socket socket_;
    std::string part_;
    std::string waiting_;
    std::string under_way_;
    bool is_writing_ = false;
};

template <class Protocol>
void accept(typename Protocol::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](const asio::error_code& error, typename Protocol::socket socket) {
        if (!error) std::make_shared<Connection<Protocol>>(std::move(socket))->start();
        accept<Protocol>(acceptor);
    });
}

template <class Protocol>
void serve(asio::io_context& context, const Protocol& protocol, int listen_fd) {
    typename Protocol::acceptor acceptor(context, protocol, listen_fd);
    acceptor.non_blocking(true);
    accept<Protocol>(acceptor);
    announce(listen_fd);
    context.run();
}

}  // namespace

int main(int argument_count, char** arguments) {
    char version[16];
    std::snprintf(version, sizeof version, "%d.%d.%d", ASIO_VERSION / 100000, ASIO_VERSION / 100 % 1000, ASIO_VERSION % 100);
    const request request = parse_arguments(argument_count, arguments, version);
    served = request.work;
    const int listen_fd = listen_on(&request);
    asio::io_context context(1);
    if (request.address.ss_family == AF_INET) {
        serve(context, asio::ip::tcp::v4(), listen_fd);
    } else {
        serve(context, asio::local::stream_protocol(), listen_fd);
    }
}
