// HttpRequest: server-sent events (WHATWG HTML 9.2).
#include <string>

#include "tidemill/serve/http_connection.h"
#include "tidemill/serve/http_rare.h"

namespace tidemill {
namespace {

void add_line(std::string& text, Bytes name, Bytes value) {
    text.append(name).append(": ").append(value).append("\n");
}

// One line for each of the data's, which may end with CR, LF or both.
void add_data(std::string& text, Bytes data) {
    for (;;) {
        const std::size_t end = data.find_first_of("\r\n");
        add_line(text, "data", data.substr(0, end));
        if (end == data.npos) return;
        data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
    }
}

bool is_one_line(Bytes text) {
    return text.find_first_of(Bytes("\r\n\0", 3)) == text.npos;
}

}  // namespace

WriteResult HttpRequest::start_events(HttpFieldList fields) {
    std::vector<HttpField> all = {{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}};
    all.insert(all.end(), fields.get().begin(), fields.get().end());
    return start(200, all);
}

WriteResult HttpRequest::send_event(const HttpServerSentEvent& event) {
    if (!is_one_line(event.event) || !is_one_line(event.id)) {
        return owner_.refuse_call(make_error(ErrorCode::local_protocol, "send_event", {}, "a line feed or zero octet in event or id"));
    }
    std::string text;
    text.reserve(event.data.size() + event.event.size() + event.id.size() + 64);
    if (!event.event.empty()) add_line(text, "event", event.event);
    if (!event.id.empty()) add_line(text, "id", event.id);
    if (event.retry >= Duration{0}) add_line(text, "retry", std::to_string(event.retry / std::chrono::milliseconds{1}));
    add_data(text, event.data);
    text.append("\n");
    return write(text);
}

WriteResult HttpRequest::ping() {
    return write(":\n\n");
}

}  // namespace tidemill
