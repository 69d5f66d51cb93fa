// The HTTP engine in a few words, for tests: what it tells as text, and its users for Splits.
#pragma once
#include <memory>
#include <string>

#include "support/splits.h"
#include "tidemill/proto/http.h"

namespace tidemill::test {

inline std::string describe_fields(HttpFields fields) {
    std::string text;
    for (const HttpField& field : fields) text += (text.empty() ? "" : ",") + std::string(field.name) + "=" + std::string(field.value);
    return text;
}

inline std::string describe(HttpRole role, const HttpHead& head) {
    std::string text = role == HttpRole::server ? std::string(head.method) + " " + std::string(head.target)
                                                : std::to_string(head.status) + " " + std::string(head.reason);
    text += " 1." + std::to_string(head.minor_version) + " [" + describe_fields(head.fields) + "] ";
    switch (head.framing.kind) {
        case HttpFraming::Kind::none:
            text += "none";
            break;
        case HttpFraming::Kind::length:
            text += "length " + std::to_string(head.framing.length);
            break;
        case HttpFraming::Kind::chunked:
            text += "chunked";
            break;
        case HttpFraming::Kind::until_close:
            text += "until_close";
            break;
    }
    if (head.is_keep_alive) text += " keep";
    if (head.is_continue_expected) text += " continue";
    if (head.is_upgrade) text += " upgrade";
    return text;
}

inline Told describe(HttpRole role, const HttpEvent& event) {
    switch (event.kind) {
        case HttpEvent::Kind::head:
            return {describe(role, event.head)};
        case HttpEvent::Kind::interim:
            return {"interim " + describe(role, event.head)};
        case HttpEvent::Kind::data:
            return {"data", std::string(event.data), true};
        case HttpEvent::Kind::end:
            return {event.trailers.empty() ? "end" : "end " + describe_fields(event.trailers)};
    }
    return {};
}

inline Subject<HttpEngine> http_server(const HttpLimits& limits = HttpLimits()) {
    return {[limits] { return std::make_unique<HttpEngine>(HttpRole::server, limits); },
            [](HttpEngine&, const HttpEvent& event) { return describe(HttpRole::server, event); },
            [](HttpEngine& engine) { return engine.respond({.status = 204}, {}).ok(); }};
}

// One that has sent a request; the method UPGRADE stands for a GET that asks for another protocol.
inline Subject<HttpEngine> http_client(std::string method, const HttpLimits& limits = HttpLimits(HttpRole::client)) {
    return {[method, limits] {
                auto engine = std::make_unique<HttpEngine>(HttpRole::client, limits);
                const HttpField fields[] = {{"Host", "a:1"}, {"Upgrade", "x"}};
                const bool is_upgrade = method == "UPGRADE";
                const Result<void> sent = engine->request({.method = is_upgrade ? "GET" : Bytes(method),
                                                           .target = method == "CONNECT" ? "a:1" : "/",
                                                           .fields = HttpFields(fields, is_upgrade ? 2 : 1)},
                                                          {});
                if (!sent) std::abort();
                return engine;
            },
            [](HttpEngine&, const HttpEvent& event) { return describe(HttpRole::client, event); }};
}

// All that is told of the input and the end after it, "; " between two.
inline std::string told(const Replay& replay) {
    std::string text;
    for (const Told& event : replay.events) {
        text += (text.empty() ? "" : "; ") + event.words + (event.octets.empty() ? "" : " " + event.octets);
    }
    return text;
}

}  // namespace tidemill::test
