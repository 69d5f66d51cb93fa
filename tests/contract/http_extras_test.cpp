// What an HTTP server has beside the exchange itself: gzip, virtual hosts, lines for an access log.
#include <doctest/doctest.h>
#include <zlib.h>

#include <array>

#include "support/world.h"
#include "tidemill/proto/gzip.h"
#include "tidemill/serve/http_connection.h"
#include "tidemill/serve/http_hosts.h"
#include "tidemill/serve/http_log.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

std::string inflate_gzip(Bytes compressed) {
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
    stream.avail_in = static_cast<uInt>(compressed.size());
    std::string plain;
    std::array<char, 4096> room;
    int state = Z_OK;
    while (state == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(room.data());
        stream.avail_out = room.size();
        state = inflate(&stream, Z_NO_FLUSH);
        plain.append(room.data(), room.size() - stream.avail_out);
    }
    CHECK(state == Z_STREAM_END);
    CHECK(stream.avail_in == 0);
    inflateEnd(&stream);
    return plain;
}

struct Site : HttpConnection {
    explicit Site(std::function<void(HttpRequest&)> function) : HttpConnection(options()), function_(std::move(function)) {}
    void on_request(HttpRequest& request) override { function_(request); }
    void on_response(HttpRequest& request, int status, std::uint64_t octets, Duration) override {
        last_line() = combined_log_line(request, status, octets);
    }

    static HttpServerOptions options() {
        HttpServerOptions made;
        made.adds_date = false;
        return made;
    }
    static std::string& last_line() {
        static std::string line;
        return line;
    }

private:
    std::function<void(HttpRequest&)> function_;
};

// The whole answer to a request with these lines after its first.
std::string ask(World& world, const std::function<void(HttpRequest&)>& function, std::string_view target, std::string_view lines) {
    Result<Listener*> listener =
        listen(world.reactor, world.fresh_endpoint(), [&] { return HandlerPtr(new Site(function)); }, world.listen_options());
    REQUIRE(listener.ok());
    const PartyPtr client = std::make_shared<Party>();
    Result<Connection*> connection = connect(world.reactor, listener.value()->endpoint(), handler_of(client), world.connect_options());
    REQUIRE(connection.ok());
    connection.value()->write("GET " + std::string(target) + " HTTP/1.0\r\n" + std::string(lines) + "\r\n");
    REQUIRE(world.until([&] { return client->is_closed(); }));
    listener.value()->close();
    return client->received;
}

std::string body_of(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

}  // namespace

TEST_CASE("gzip_writer_makes_what_zlib_reads") {
    for (const std::size_t size : {0, 1, 1000, 100000, 3000000}) {
        CAPTURE(size);
        const std::string plain = pattern(size);
        GzipWriter whole, pieces;
        std::string one, other;
        whole.add(plain, one);
        whole.finish(one);
        CHECK(inflate_gzip(one) == plain);
        for (std::size_t place = 0; place < size; place += 70001) pieces.add(Bytes(plain).substr(place, 70001), other, true);
        pieces.finish(other);
        CHECK(inflate_gzip(other) == plain);
    }
}

TEST_CASE("http_answer_goes_as_gzip_if_asked_and_accepted") {
    in_every_world([](World& world) {
        const std::string text(20000, 'x');
        const auto whole = [&](HttpRequest& request) {
            request.compress();
            request.respond(200, {{"content-type", "text/plain"}}, text);
        };
        const auto pieces = [&](HttpRequest& request) {
            request.compress();
            request.start(200, {{"content-length", "20000"}});
            request.write(Bytes(text).substr(0, 7000));
            request.write(Bytes(text).substr(7000));
            request.finish();
        };
        for (const std::function<void(HttpRequest&)>& function : {std::function<void(HttpRequest&)>(whole), {pieces}}) {
            const std::string packed = ask(world, function, "/", "Accept-Encoding: gzip\r\n");
            CHECK(packed.find("\r\ncontent-encoding: gzip\r\n") != packed.npos);
            CHECK(packed.find("\r\nvary: accept-encoding\r\n") != packed.npos);
            CHECK(packed.size() < 1000);
            CHECK(inflate_gzip(body_of(packed)) == text);
            for (const char* lines : {"", "Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: br\r\n"}) {
                const std::string plain = ask(world, function, "/", lines);
                CHECK(plain.find("content-encoding") == plain.npos);
                CHECK(body_of(plain) == text);
            }
        }
        const auto coded = [&](HttpRequest& request) {
            request.compress();
            request.respond(200, {{"content-encoding", "br"}}, text);
        };
        CHECK(body_of(ask(world, coded, "/", "Accept-Encoding: gzip\r\n")) == text);
    });
}

TEST_CASE("http_hosts_tell_sites_apart") {
    World world("epoll", "memory");
    HttpHosts hosts;
    const auto site = [](const char* name) { return [name](HttpRequest& request) { request.respond(200, {}, name); }; };
    hosts.add("Example.org", site("one"));
    hosts.add("*.example.org", site("below"));
    hosts.add("[::1]", site("address"));
    const auto served = [&](std::string_view target, std::string_view lines) {
        return ask(world, [&](HttpRequest& request) { hosts.serve(request); }, target, lines);
    };
    CHECK(body_of(served("/", "Host: example.org\r\n")) == "one");
    CHECK(body_of(served("/", "Host: EXAMPLE.ORG:8080\r\n")) == "one");
    CHECK(body_of(served("/", "Host: example.org.\r\n")) == "one");
    CHECK(body_of(served("/", "Host: a.b.example.org\r\n")) == "below");
    CHECK(body_of(served("/", "Host: [::1]:80\r\n")) == "address");
    CHECK(served("/", "Host: other.org\r\n").starts_with("HTTP/1.1 421 "));
    CHECK(served("/", "Host: notexample.org\r\n").starts_with("HTTP/1.1 421 "));
    CHECK(served("/", "").starts_with("HTTP/1.1 421 "));
    hosts.add("*", site("other"));
    CHECK(body_of(served("/", "Host: other.org\r\n")) == "other");
    CHECK(body_of(served("/", "")) == "other");
}

TEST_CASE("http_log_line_cannot_be_forged") {
    World world("epoll", "tcp4");
    const auto answer = [](HttpRequest& request) { request.respond(200, {}, "hello"); };
    ask(world, answer, "/a?b=\"c\\", "User-Agent: x\" 200 \t\xff\r\nReferer: http://y/\r\n");
    const std::string line = Site::last_line();
    CHECK(line.starts_with("127.0.0.1 - - ["));
    CHECK(line.ends_with(" +0000] \"GET /a?b=\\x22c\\x5c HTTP/1.0\" 200 5 \"http://y/\" \"x\\x22 200 \\x09\\xff\""));
    ask(world, answer, "/" + std::string(7000, 'a'), "User-Agent: " + std::string(7000, '"') + "\r\n");
    CHECK(Site::last_line().size() <= 1024);
}
