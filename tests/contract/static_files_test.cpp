// StaticFiles over a connection, and the paths that must not lead anywhere.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "support/world.h"
#include "tidemill/serve/http_connection.h"
#include "tidemill/serve/static_files.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

namespace fs = std::filesystem;

void put(const fs::path& path, std::string_view text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

struct Files : HttpConnection {
    explicit Files(const StaticFiles& files) : HttpConnection(options()), files_(files) {}
    void on_request(HttpRequest& request) override { files_.serve(request); }

    static HttpServerOptions options() {
        HttpServerOptions made;
        made.adds_date = false;
        return made;
    }

private:
    const StaticFiles& files_;
};

struct Site {
    explicit Site(World& in) : world(in) {
        const fs::path root = scratch.path("www");
        put(root / "index.html", "<p>hello");
        put(root / "a file.txt", "0123456789");
        put(root / "sub/index.html", "sub");
        put(root / "%41.txt", "percent");
        put(root / ".secret", "secret");
        put(root / ".git/config", "secret");
        put(fs::path(scratch.path("outside.txt")), "secret");
        fs::create_symlink("../outside.txt", root / "escape.txt");
        fs::create_symlink(scratch.path("outside.txt"), root / "absolute.txt");
        fs::create_directory_symlink("..", root / "up");
        Result<StaticFiles> opened = StaticFiles::open(root.string());
        REQUIRE(opened.ok());
        files = std::make_unique<StaticFiles>(std::move(opened).value());
        Result<Listener*> made =
            listen(world.reactor, world.fresh_endpoint(), [this] { return HandlerPtr(new Files(*files)); }, world.listen_options());
        REQUIRE(made.ok());
        endpoint = made.value()->endpoint();
    }

    // The whole answer, over a connection of its own.
    std::string ask(std::string_view target, std::string_view fields = {}, std::string_view method = "GET") {
        const PartyPtr client = std::make_shared<Party>();
        Result<Connection*> connection = connect(world.reactor, endpoint, handler_of(client), world.connect_options());
        REQUIRE(connection.ok());
        connection.value()->write(std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
                                  std::string(fields) + "\r\n");
        REQUIRE(world.until([&] { return client->is_closed(); }));
        return client->received;
    }
    std::string status(std::string_view target, std::string_view fields = {}, std::string_view method = "GET") {
        return ask(target, fields, method).substr(9, 3);
    }
    static std::string field(const std::string& answer, std::string_view name) {
        const std::size_t place = answer.find("\r\n" + std::string(name) + ": ");
        if (place == answer.npos) return "";
        const std::size_t begin = place + name.size() + 4;
        return answer.substr(begin, answer.find("\r\n", begin) - begin);
    }

    World& world;
    Scratch scratch;
    std::unique_ptr<StaticFiles> files;
    std::string endpoint;
};

}  // namespace

TEST_CASE("static_files_are_sent_with_type_tag_and_date") {
    in_every_world([](World& world) {
        Site site(world);
        const std::string answer = site.ask("/a%20file.txt");
        CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
        CHECK(answer.ends_with("\r\n\r\n0123456789"));
        CHECK(site.field(answer, "content-type") == "text/plain; charset=utf-8");
        CHECK(site.field(answer, "Content-Length") == "10");
        const std::string etag = site.field(answer, "etag"), modified = site.field(answer, "last-modified");
        CHECK(etag.size() > 4);
        CHECK(site.status("/a%20file.txt", "If-None-Match: " + etag + "\r\n") == "304");
        CHECK(site.status("/a%20file.txt", "If-Modified-Since: " + modified + "\r\n") == "304");
        CHECK(site.status("/a%20file.txt", "If-Match: \"other\"\r\n") == "412");
        const std::string head = site.ask("/a%20file.txt", {}, "HEAD");
        CHECK(head.ends_with("\r\n\r\n"));
        CHECK(site.field(head, "Content-Length") == "10");
        CHECK(site.status("/a%20file.txt", {}, "DELETE") == "405");
    });
}

TEST_CASE("static_files_ranges_are_parts_of_the_file") {
    in_every_world([](World& world) {
        Site site(world);
        const std::string part = site.ask("/a%20file.txt", "Range: bytes=2-4\r\n");
        CHECK(part.starts_with("HTTP/1.1 206 "));
        CHECK(part.ends_with("\r\n\r\n234"));
        CHECK(site.field(part, "content-range") == "bytes 2-4/10");
        CHECK(site.ask("/a%20file.txt", "Range: bytes=-1\r\n").ends_with("\r\n\r\n9"));
        const std::string none = site.ask("/a%20file.txt", "Range: bytes=10-\r\n");
        CHECK(none.starts_with("HTTP/1.1 416 "));
        CHECK(site.field(none, "content-range") == "bytes */10");
        CHECK(site.ask("/a%20file.txt", "Range: bytes=0-0,2-2\r\n").ends_with("\r\n\r\n0123456789"));
    });
}

TEST_CASE("static_files_of_a_folder_are_its_index") {
    World world("epoll", "memory");
    Site site(world);
    CHECK(site.ask("/").ends_with("<p>hello"));
    CHECK(site.ask("/sub/").ends_with("\r\n\r\nsub"));
    const std::string moved = site.ask("/sub?q=1");
    CHECK(moved.starts_with("HTTP/1.1 301 "));
    CHECK(site.field(moved, "location") == "/sub/?q=1");
}

TEST_CASE("static_files_outside_or_hidden_are_not_found") {
    World world("epoll", "memory");
    Site site(world);
    for (const char* target : {"/../outside.txt",
                               "/%2e%2e/outside.txt",
                               "/sub/../../outside.txt",
                               "/sub/..%2f..%2foutside.txt",
                               "/.secret",
                               "/%2esecret",
                               "/.git/config",
                               "/.",
                               "/..",
                               "/escape.txt",
                               "/absolute.txt",
                               "/up/outside.txt",
                               "//index.html",
                               "/sub//index.html",
                               "/%2findex.html",
                               "/sub/%00",
                               "/index.html%00.txt",
                               "/index.html/",
                               "/index.html/x",
                               "/none",
                               "/%2541.txt/"}) {
        CAPTURE(target);
        const std::string answer = site.ask(target);
        CHECK(answer.substr(9, 3) == "404");
        CHECK(answer.find("secret") == answer.npos);
    }
    CHECK(site.ask("/%2541.txt").ends_with("percent"));  // decoded once
    for (const char* target : {"/%", "/%4", "/%zz", "/a%2"}) {
        CAPTURE(target);
        CHECK(site.status(target) == "400");
    }
}

TEST_CASE("static_files_longer_than_a_turn_arrive_whole") {
    in_every_world([](World& world) {
        Site site(world);
        const std::string content = pattern(5000000);
        put(fs::path(site.scratch.path("www")) / "long.bin", content);
        const std::string answer = site.ask("/long.bin");
        CHECK(answer.size() > content.size());
        CHECK(answer.ends_with(content));
    });
}
