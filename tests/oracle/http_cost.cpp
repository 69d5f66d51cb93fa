// What a request costs, for http_cost.py to count instructions: http_cost WHO WHAT COUNT
//
//   WHO   llhttp    its parser, with callbacks that note where the fields are
//         parser    tidemill's, up to the fields
//         engine    the whole of it: head, end, and an answer of 5 octets
//   WHAT  small     what wrk sends
//         browser   what a browser sends
//         pipeline  16 small ones at once
// engine also counts its allocations: none may happen once it is warm.
#include <llhttp.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "tidemill/proto/http.h"

using namespace tidemill;

static unsigned long allocations = 0;

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    std::abort();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

const std::string small = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const std::string browser =
    "GET /articles/2026/11/index.html?page=2&sort=date HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: none\r\n"
    "If-Modified-Since: Sat, 21 Nov 2026 10:00:00 GMT\r\n"
    "\r\n";

struct Noted {
    const char* places[256];
    std::size_t sizes[256];
    std::size_t count = 0;
    unsigned long messages = 0;
};

int note(llhttp_t* parser, const char* octets, std::size_t size) {
    Noted& noted = *static_cast<Noted*>(parser->data);
    noted.places[noted.count & 255] = octets;
    noted.sizes[noted.count++ & 255] = size;
    return 0;
}

int note_end(llhttp_t* parser) {
    Noted& noted = *static_cast<Noted*>(parser->data);
    noted.count = 0;
    ++noted.messages;
    return 0;
}

unsigned long run_llhttp(const std::string& octets, long count) {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_url = settings.on_header_field = settings.on_header_value = note;
    settings.on_message_complete = note_end;
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    Noted noted;
    parser.data = &noted;
    for (long i = 0; i < count; ++i) {
        if (llhttp_execute(&parser, octets.data(), octets.size()) != HPE_OK) std::abort();
    }
    return noted.messages;
}

unsigned long run_parser(const std::string& octets, long count) {
    const HttpLimits limits;
    HttpHeadParser parser(HttpRole::server);
    unsigned long messages = 0;
    for (long i = 0; i < count; ++i) {
        for (Bytes rest = octets; !rest.empty(); ++messages) {
            parser.begin_head();
            if (parser.parse(rest, limits) != HttpHeadParser::Outcome::complete) std::abort();
            rest.remove_prefix(parser.size());
        }
    }
    return messages;
}

unsigned long run_engine(const std::string& octets, long count) {
    HttpLimits limits;
    limits.requests = ~std::size_t{0};
    HttpEngine engine(HttpRole::server, limits);
    const HttpField fields[] = {{"Content-Type", "text/plain"}};
    unsigned long messages = 0;
    TimePoint now{std::chrono::hours{1}};
    for (long i = 0; i < count; ++i) {
        engine.tick(now);
        engine.feed(octets);
        while (engine.next() == Step::event) {
            if (engine.event().kind != HttpEvent::Kind::end) continue;
            if (!engine.respond({.fields = fields, .date = "Sat, 21 Nov 2026 10:00:00 GMT"}, "hello")) std::abort();
            ++messages;
        }
        engine.tick(now);
        engine.output().clear();
        if (i == 1) allocations = 0;
    }
    if (allocations != 0) std::abort();
    return messages;
}

}  // namespace

int main(int count, char** words) {
    if (count != 4) {
        std::fputs("usage: http_cost llhttp|parser|engine small|browser|pipeline COUNT\n", stderr);
        return 2;
    }
    const std::string who = words[1], what = words[2];
    std::string octets = what == "browser" ? browser : small;
    if (what == "pipeline") {
        for (int i = 0; i < 15; ++i) octets += small;
    }
    const long times = std::atol(words[3]);
    const unsigned long messages = who == "llhttp"   ? run_llhttp(octets, times)
                                   : who == "parser" ? run_parser(octets, times)
                                                     : run_engine(octets, times);
    std::printf("%lu\n", messages);
    return 0;
}
