// libFuzzer: whatever arrives, an HTTP engine tells the same however it is cut, and ends with finish(); and what one engine writes, whatever it
// is asked to, the other one reads as what was meant, or it is refused with nothing written.
//
// The first octet says what the others are: a stream for a server, a stream for a client, or a conversation.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/http.h"
#include "tidemill/proto/http_syntax.h"

using namespace tidemill;

namespace {

void check(bool is_right) {
    if (!is_right) std::abort();
}

void check_cuts(const test::Subject<HttpEngine>& subject, const std::string& octets, std::size_t cut) {
    const test::Splits<HttpEngine> splits(subject, octets);
    const test::Replay whole = splits.replay({octets.size()}, {.finishes = true});
    check(whole.breach.empty());
    cut = cut * octets.size() / 256;
    for (const bool keeps : {false, true}) {
        const test::Replay two = splits.replay({cut, octets.size() - cut}, {.keeps = keeps, .finishes = true});
        check(two.breach.empty() && test::difference(whole, two).empty());
    }
    const test::Replay single = splits.replay(std::vector<std::size_t>(octets.size(), 1), {.finishes = true});
    check(single.breach.empty() && test::difference(whole, single).empty());
}

// What the octets of the fuzzer are taken for; when they are used up all is 0 and empty.
class Choices {
public:
    explicit Choices(Bytes octets) : octets_(octets) {}

    unsigned number() {
        if (octets_.empty()) return 0;
        const auto octet = static_cast<unsigned char>(octets_.front());
        octets_.remove_prefix(1);
        return octet;
    }
    std::string text() {
        const std::size_t size = std::min<std::size_t>(number(), octets_.size());
        std::string taken(octets_.substr(0, size));
        octets_.remove_prefix(size);
        return taken;
    }
    template <std::size_t count>
    std::string one_of(const char* const (&words)[count]) {
        const unsigned choice = number();
        return choice < 128 ? words[choice % count] : text();
    }

private:
    Bytes octets_;
};

struct Fields {
    std::vector<std::string> texts;
    std::vector<HttpField> views;

    Fields(Choices& choices, bool has_host) {
        static const char* const names[] = {"Accept", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Expect",
                                            "TE",     "Date"};
        static const char* const values[] = {"x", "close", "0", "5", "chunked", "100-continue", "keep-alive, upgrade", " trailers "};
        const unsigned count = choices.number() % 8;
        for (unsigned i = 0; i < count; ++i) {
            texts.push_back(choices.one_of(names));
            texts.push_back(choices.one_of(values));
        }
        if (has_host) texts.insert(texts.end(), {"Host", "a"});
        for (std::size_t i = 0; i + 1 < texts.size(); i += 2) views.push_back({texts[i], texts[i + 1]});
    }
};

// Fields but those that the engine writes by itself.
std::string plain(HttpFields fields) {
    std::string text;
    for (const HttpField& field : fields) {
        const http::Known known = http::known_field(field.name);
        if (known == http::Known::connection || known == http::Known::content_length || known == http::Known::transfer_encoding) continue;
        text.append(field.name).append("=").append(http::trimmed(field.value)).append("\n");
    }
    return text;
}

HttpFraming some_framing(Choices& choices, std::size_t length) {
    switch (choices.number() % 5) {
        case 0:
            return HttpFraming::none();
        case 1:
            return HttpFraming::chunked();
        case 2:
            return HttpFraming::until_close();
        case 3:
            return HttpFraming::of_length(choices.number());
        default:
            return HttpFraming::of_length(length);
    }
}

// The body in two pieces and the end; whether it was taken.
bool write_body(HttpEngine& engine, const std::string& body, const Fields& trailers) {
    const std::string before = engine.output();
    const std::size_t half = body.size() / 2;
    if (!engine.write_data(body.substr(0, half))) {
        check(engine.output() == before);
        return false;
    }
    const Result<bool> begun = engine.begin_data(body.size() - half);
    if (!begun) return false;
    if (begun.value()) engine.output() += body.substr(half);
    engine.end_data();
    return engine.write_end(trailers.views).ok();
}

struct Heard {
    std::string head, body, trailers;
    HttpHead facts;
    std::string method;
    int heads = 0;
    Step last = Step::need_more;
};

// With finish() only where the end of the connection is the end of the message.
Heard hear(HttpEngine& engine, const std::string& octets, bool finishes) {
    Heard heard;
    engine.feed(octets);
    if (finishes) engine.finish();
    while ((heard.last = engine.next()) == Step::event) {
        const HttpEvent& event = engine.event();
        if (event.kind == HttpEvent::Kind::head) {
            ++heard.heads;
            heard.head = plain(event.head.fields);
            heard.method = std::string(event.head.method) + " " + std::string(event.head.target);
            heard.facts = event.head;
        } else if (event.kind == HttpEvent::Kind::data) {
            heard.body.append(event.data);
        } else if (event.kind == HttpEvent::Kind::end) {
            heard.trailers = plain(event.trailers);
        }
    }
    return heard;
}

std::string taken(HttpEngine& engine) {
    std::string output;
    output.swap(engine.output());
    return output;
}

void check_response(HttpEngine& server, HttpEngine& client, const std::string& method, Choices& choices) {
    static const char* const reasons[] = {"", "OK", "Very well"};
    const std::string reason = choices.one_of(reasons);
    static const int statuses[] = {200, 204, 205, 304, 404, 101, 999};
    const int status = statuses[choices.number() % 7];
    const Fields fields(choices, false);
    const Fields trailers(choices, false);
    const std::string body = choices.text();
    if (choices.number() % 3 == 0 && !server.respond_interim(103, fields.views)) check(server.output().empty());
    const std::string before = server.output();
    if (!server.respond_head({.status = status, .reason = reason, .fields = fields.views, .framing = some_framing(choices, body.size())})) {
        check(server.output() == before);
        return;
    }
    const bool is_switch = status == 101 || (method == "CONNECT" && status / 100 == 2);
    if (!is_switch && !write_body(server, body, trailers)) return;
    const Heard heard = hear(client, taken(server), server.is_done());
    check(heard.heads == 1 && heard.facts.status == status && heard.head == plain(fields.views));
    check(server.is_switched() == client.is_switched());
    if (is_switch) return;
    check(heard.last == (client.is_done() ? Step::ended : Step::need_more));
    const bool is_bodiless = method == "HEAD" || status == 304;
    check(heard.body == (is_bodiless ? "" : body));
    if (heard.facts.framing.kind == HttpFraming::Kind::chunked) check(heard.trailers == plain(trailers.views));
    check(server.is_done() || client.is_idle());
}

void converse(Bytes octets) {
    Choices choices(octets);
    HttpEngine client(HttpRole::client), server(HttpRole::server);
    static const char* const methods[] = {"GET", "HEAD", "POST", "CONNECT", "OPTIONS"};
    static const char* const targets[] = {"/", "a:1", "*", "http://a/b", "/a?b"};
    const std::string method = choices.one_of(methods), target = choices.one_of(targets);
    const Fields fields(choices, choices.number() % 16 != 0);
    const Fields trailers(choices, false);
    const std::string body = choices.text();
    if (!client.request_head({.method = method, .target = target, .fields = fields.views, .framing = some_framing(choices, body.size())})) {
        check(client.output().empty() && client.is_idle());
        return;
    }
    if (!write_body(client, body, trailers)) return;
    const Heard heard = hear(server, taken(client), false);
    check(heard.last == Step::paused && heard.heads == 1 && heard.method == method + " " + target);
    check(heard.head == plain(fields.views) && heard.body == body);
    check(heard.trailers == (heard.facts.framing.kind == HttpFraming::Kind::chunked ? plain(trailers.views) : ""));
    check_response(server, client, method, choices);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string octets(reinterpret_cast<const char*>(data) + 2, size - 2);
    switch (data[0] % 8) {
        case 0:
            check_cuts(test::http_client("GET"), octets, data[1]);
            break;
        case 1:
            check_cuts(test::http_client("HEAD"), octets, data[1]);
            break;
        case 2:
            check_cuts(test::http_client("CONNECT"), octets, data[1]);
            break;
        case 3:
            check_cuts(test::http_client("UPGRADE"), octets, data[1]);
            break;
        case 4:
        case 5:
            converse(octets);
            break;
        default:
            check_cuts(test::http_server(), octets, data[1]);
            break;
    }
    return 0;
}
