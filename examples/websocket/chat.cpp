// A chat in the browser: GET / is the page, /chat its WebSocket. The first message is your name, every other goes to everybody.
//
//     build/examples/websocket/chat --listen tcp://127.0.0.1:8080        then open http://127.0.0.1:8080/
#include <tidemill/tidemill.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

static tidemill::Reactor reactor;
static std::string page;

static std::string stripped(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    const auto last = text.find_last_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string{} : std::string(text.substr(first, last - first + 1));
}

struct Chat : tidemill::WebSocketConnection {
    Chat() : WebSocketConnection({.frames = {.message_limit = 4096}}) {}

    void on_open(tidemill::Connection& me) override {
        connection = &me;
        everybody.insert(this);
    }
    void on_text(tidemill::Connection&, tidemill::Bytes text) override {
        const bool is_new = name.empty();
        if (is_new) name = stripped(text);
        const std::string line = is_new ? name + " is here" : name + ": " + std::string(text);
        for (Chat* one : everybody) static_cast<void>(one->send_text(*one->connection, line));  // it fails for one that is about to go
    }
    void on_close(tidemill::Connection&, const tidemill::Error&) override { everybody.erase(this); }

    static inline std::set<Chat*> everybody;
    tidemill::Connection* connection = nullptr;
    std::string name;
};

struct Site : tidemill::HttpConnection {
    void on_request(tidemill::HttpRequest& request) override {
        if (request.path() == "/chat" && is_own_page(request)) {
            tidemill::upgrade_websocket(request, new Chat);
        } else if (request.path() == "/chat") {
            request.respond(403, {{"content-type", "text/plain"}}, "this chat is for its own page\n");
        } else if (request.path() == "/") {
            request.respond(200, {{"content-type", "text/html; charset=utf-8"}}, page);
        } else {
            request.respond(404, {{"content-type", "text/plain"}}, "not found\n");
        }
    }

    // A page of somebody else's must not talk here in its visitor's name.
    static bool is_own_page(const tidemill::HttpRequest& request) {
        const tidemill::Bytes origin = request.header("origin");
        const std::size_t host = origin.find("://");
        return origin.empty() || (host != origin.npos && origin.substr(host + 3) == request.header("host"));
    }
};

int main(int argc, char** argv) {
    std::ifstream file(TIDEMILL_CHAT_PAGE, std::ios::binary);
    page.assign(std::istreambuf_iterator<char>(file), {});
    const bool has_endpoint = argc == 3 && std::string_view(argv[1]) == "--listen";
    const auto listener = tidemill::listen<Site>(reactor, has_endpoint ? argv[2] : "tcp://127.0.0.1:8080");
    if (page.empty() || !listener) {
        std::fprintf(stderr, "%s\n", page.empty() ? "there is no " TIDEMILL_CHAT_PAGE : listener.error().text().c_str());
        return 1;
    }
    std::printf("listening on %s\n", listener.value()->endpoint().c_str());
    std::fflush(stdout);
    std::signal(SIGINT, [](int) { reactor.request_stop(); });
    std::signal(SIGTERM, [](int) { reactor.request_stop(); });
    return reactor.run().ok() ? 0 : 1;
}
