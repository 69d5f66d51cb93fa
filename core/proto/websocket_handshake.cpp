#include "tidemill/proto/websocket_handshake.h"

#include <algorithm>

#include "tidemill/proto/http_syntax.h"

namespace tidemill {

namespace {

// Calls use(element) for every element of a list, empty ones left out; false as soon as it answers false.
template <class Use>
bool each_element(std::string_view list, Use use) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view element = http::trimmed(list.substr(0, comma));
        if (!element.empty() && !use(element)) return false;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return true;
}

// Calls use(value) for every field of that name; false as soon as it answers false.
template <class Use>
bool each_value(HttpFields fields, std::string_view name, Use use) {
    return std::all_of(fields.begin(), fields.end(), [&](const HttpField& field) {
        return !http::equals_in_any_case(field.name, name) || use(http::trimmed(field.value));
    });
}

bool has_element(HttpFields fields, std::string_view name, std::string_view wanted) {
    return !each_value(fields, name, [wanted](std::string_view value) {
        return each_element(value, [wanted](std::string_view element) { return !http::equals_in_any_case(element, wanted); });
    });
}

// The value of a field that may be there once; count tells how often it is.
std::string_view only_value(HttpFields fields, std::string_view name, int& count) {
    std::string_view found;
    count = 0;
    each_value(fields, name, [&](std::string_view value) {
        found = value;
        ++count;
        return true;
    });
    return found;
}

std::string joined_values(HttpFields fields, std::string_view name) {
    std::string joined;
    each_value(fields, name, [&joined](std::string_view value) {
        if (!joined.empty()) joined += ", ";
        joined += value;
        return true;
    });
    return joined;
}

bool is_base64_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// 16 octets are 22 digits and two fillers.
bool is_key(std::string_view text) {
    return text.size() == 24 && text.ends_with("==") && std::all_of(text.begin(), text.begin() + 22, is_base64_digit);
}

// Only names, each once (RFC 6455 4.1, item 10).
bool read_protocols(HttpFields fields, std::vector<std::string_view>& protocols) {
    return each_value(fields, "Sec-WebSocket-Protocol", [&protocols](std::string_view value) {
        return each_element(value, [&protocols](std::string_view element) {
            if (!http::is_token(element) || std::find(protocols.begin(), protocols.end(), element) != protocols.end()) return false;
            protocols.push_back(element);
            return true;
        });
    });
}

WebSocketRequest refused(int status, std::string_view problem) {
    WebSocketRequest request;
    request.status = status;
    request.problem = problem;
    return request;
}

Error remote_fault(std::string_view detail) {
    return make_error(ErrorCode::remote_protocol, "handshake", {}, detail);
}

}  // namespace

// ---- the server's side ----

bool is_websocket_request(HttpFields fields) {
    return has_element(fields, "Upgrade", "websocket");
}

WebSocketRequest read_websocket_request(std::string_view method, int minor, HttpFields fields) {
    if (method != "GET") return refused(405, "a WebSocket is asked for with GET");
    if (minor < 1) return refused(400, "a WebSocket needs HTTP/1.1");
    if (!is_websocket_request(fields)) return refused(400, "Upgrade does not name websocket");
    if (!has_element(fields, "Connection", "upgrade")) return refused(400, "Connection does not name upgrade");

    WebSocketRequest request;
    int count = 0;
    const std::string_view version = only_value(fields, "Sec-WebSocket-Version", count);
    if (count > 1) return refused(400, "Sec-WebSocket-Version is there more than once");
    if (version != "13") return refused(426, "Sec-WebSocket-Version is not 13");
    request.key = only_value(fields, "Sec-WebSocket-Key", count);
    if (count != 1 || !is_key(request.key)) return refused(400, "Sec-WebSocket-Key is not one of 16 octets in base64");
    request.origin = only_value(fields, "Origin", count);
    if (count > 1) return refused(400, "Origin is there more than once");
    if (!read_protocols(fields, request.protocols)) return refused(400, "Sec-WebSocket-Protocol is not a list of different names");
    request.extensions = joined_values(fields, "Sec-WebSocket-Extensions");
    return request;
}

std::string_view choose_websocket_protocol(const std::vector<std::string_view>& offered, const std::vector<std::string>& ours) {
    const auto chosen = std::find_first_of(offered.begin(), offered.end(), ours.begin(), ours.end());
    return chosen == offered.end() ? std::string_view() : *chosen;
}

std::vector<HttpField> websocket_answer_fields(std::string_view accept, std::string_view protocol, std::string_view extensions) {
    std::vector<HttpField> fields{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept}};
    if (!protocol.empty()) fields.push_back({"Sec-WebSocket-Protocol", protocol});
    if (!extensions.empty()) fields.push_back({"Sec-WebSocket-Extensions", extensions});
    return fields;
}

Result<void> check_websocket_answer_field(const HttpField& field) {
    constexpr std::string_view own = "sec-websocket-";
    constexpr std::string_view framing[] = {"connection", "upgrade", "content-length", "transfer-encoding", "trailer", "te"};
    const auto refuse = [](std::string_view why) { return make_error(ErrorCode::local_protocol, "upgrade", {}, why); };
    if (!http::is_token(field.name)) return refuse("the name of a field is empty or has an octet that no name has");
    if (!http::is_value(field.value)) return refuse("a control character in the value of a field");
    const bool is_own = http::equals_in_any_case(field.name.substr(0, own.size()), own) ||
                        std::any_of(std::begin(framing), std::end(framing),
                                    [&field](std::string_view name) { return http::equals_in_any_case(field.name, name); });
    if (is_own) return refuse("a field that belongs to the WebSocket's handshake");
    return {};
}

std::string websocket_accept_input(std::string_view key) {
    // The number that RFC 6455 1.3 made up, so that nobody agrees by accident.
    return std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
}

// ---- the client's side ----

std::vector<HttpField> websocket_request_fields(std::string_view key, std::string_view protocols, std::string_view extensions,
                                                std::string_view origin) {
    std::vector<HttpField> fields{
        {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Key", key}, {"Sec-WebSocket-Version", "13"}};
    if (!origin.empty()) fields.push_back({"Origin", origin});
    if (!protocols.empty()) fields.push_back({"Sec-WebSocket-Protocol", protocols});
    if (!extensions.empty()) fields.push_back({"Sec-WebSocket-Extensions", extensions});
    return fields;
}

Result<WebSocketGrant> read_websocket_answer(int status, HttpFields fields, std::string_view accept,
                                             const std::vector<std::string>& offered) {
    if (status != 101) return remote_fault("the server answered " + std::to_string(status) + " and opened no WebSocket");
    int count = 0;
    if (!http::equals_in_any_case(only_value(fields, "Upgrade", count), "websocket") || count != 1)
        return remote_fault("Upgrade is not websocket");
    if (!has_element(fields, "Connection", "upgrade")) return remote_fault("Connection does not name upgrade");
    if (only_value(fields, "Sec-WebSocket-Accept", count) != accept || count != 1)
        return remote_fault("Sec-WebSocket-Accept is not the answer to our key");
    WebSocketGrant grant;
    grant.protocol = only_value(fields, "Sec-WebSocket-Protocol", count);
    const bool is_offered = std::find(offered.begin(), offered.end(), grant.protocol) != offered.end();
    if (count > 1 || (count == 1 && !is_offered)) return remote_fault("the server chose a protocol that was not offered");
    grant.extensions = joined_values(fields, "Sec-WebSocket-Extensions");
    return grant;
}

}  // namespace tidemill
