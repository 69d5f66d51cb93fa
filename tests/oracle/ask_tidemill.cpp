#include "tidemill/proto/http.h"
#include "verdict.h"

namespace tidemill::test {

static void take(HttpEngine& engine, bool is_server, Message& message) {
    const HttpHead& head = engine.event().head;
    message = {};
    message.first = is_server ? std::string(head.method) : std::to_string(head.status);
    message.target = head.target;
    for (const HttpField& field : head.fields) message.fields.emplace_back(field.name, field.value);
}

Verdict ask_tidemill(char kind, std::string_view octets) {
    const bool is_server = kind == 'q';
    HttpEngine engine(is_server ? HttpRole::server : HttpRole::client);
    if (!is_server) {
        const HttpField host{"Host", "a"};
        if (!engine.request({.method = kind == 'h' ? "HEAD" : "GET", .target = "/", .fields = {&host, 1}}, {}))
            return {{}, "error", "no request"};
    }
    Verdict verdict;
    Message message;
    bool is_upgrade = false;
    engine.feed(octets);
    for (bool has_finished = false;;) {
        const Step step = engine.next();
        if (step == Step::event) {
            const HttpEvent& event = engine.event();
            if (event.kind == HttpEvent::Kind::head || event.kind == HttpEvent::Kind::interim) {
                take(engine, is_server, message);
                is_upgrade = event.head.is_upgrade;
            }
            if (event.kind == HttpEvent::Kind::data) message.body.append(event.data);
            if (event.kind == HttpEvent::Kind::interim) verdict.messages.push_back(message);
            if (event.kind != HttpEvent::Kind::end) continue;
            verdict.messages.push_back(message);
            if (!is_server || is_upgrade) return verdict.state = "over", verdict;
        } else if (step == Step::paused) {
            if (!engine.respond({.status = 204}, {})) return verdict.state = "error", verdict;
        } else if (step == Step::need_more && !has_finished && !is_server) {
            has_finished = true;
            engine.finish();
        } else {
            const bool is_cut = has_finished && step == Step::failed;
            verdict.state = step == Step::ended ? "over" : step == Step::failed && !is_cut ? "error" : "more";
            verdict.detail = engine.error().detail;
            return verdict;
        }
    }
}

}  // namespace tidemill::test
