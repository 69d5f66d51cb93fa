#include <llhttp.h>

#include "verdict.h"

namespace tidemill::test {

namespace {

struct Asked {
    Verdict verdict;
    Message message;
    bool is_head = false;
    bool is_over = false;
};

Asked& asked(llhttp_t* parser) {
    return *static_cast<Asked*>(parser->data);
}

int on_message_begin(llhttp_t* parser) {
    return asked(parser).message = {}, 0;
}
int on_url(llhttp_t* parser, const char* octets, std::size_t count) {
    return asked(parser).message.target.append(octets, count), 0;
}
int on_header_field(llhttp_t* parser, const char* octets, std::size_t count) {
    auto& fields = asked(parser).message.fields;
    // The callback of a complete value has opened the next.
    if (fields.empty()) fields.emplace_back();
    return fields.back().first.append(octets, count), 0;
}
int on_header_value(llhttp_t* parser, const char* octets, std::size_t count) {
    return asked(parser).message.fields.back().second.append(octets, count), 0;
}
int on_header_value_complete(llhttp_t* parser) {
    return asked(parser).message.fields.emplace_back(), 0;
}
int on_headers_complete(llhttp_t* parser) {
    Message& message = asked(parser).message;
    if (!message.fields.empty()) message.fields.pop_back();
    message.first = parser->type == HTTP_REQUEST ? llhttp_method_name(static_cast<llhttp_method_t>(parser->method))
                                                 : std::to_string(parser->status_code);
    return asked(parser).is_head ? 1 : 0;
}
int on_body(llhttp_t* parser, const char* octets, std::size_t count) {
    return asked(parser).message.body.append(octets, count), 0;
}
int on_message_complete(llhttp_t* parser) {
    Asked& now = asked(parser);
    // Fields after the body are trailers, which it tells as it tells the others.
    now.verdict.messages.push_back(now.message);
    const bool is_interim = parser->type == HTTP_RESPONSE && parser->status_code < 200 && parser->status_code != 101;
    now.is_over = !is_interim && (parser->type == HTTP_RESPONSE || llhttp_should_keep_alive(parser) == 0 || parser->upgrade != 0);
    return now.is_over ? HPE_PAUSED : 0;
}

}  // namespace

Verdict ask_llhttp(char kind, std::string_view octets) {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_message_begin = on_message_begin;
    settings.on_url = on_url;
    settings.on_header_field = on_header_field;
    settings.on_header_value = on_header_value;
    settings.on_header_value_complete = on_header_value_complete;
    settings.on_headers_complete = on_headers_complete;
    settings.on_body = on_body;
    settings.on_message_complete = on_message_complete;
    llhttp_t parser;
    llhttp_init(&parser, kind == 'q' ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    Asked now;
    now.is_head = kind == 'h';
    parser.data = &now;
    llhttp_errno_t error = llhttp_execute(&parser, octets.data(), octets.size());
    if (error == HPE_OK && kind != 'q') {
        error = llhttp_finish(&parser);
        if (error == HPE_INVALID_EOF_STATE) error = HPE_OK;
    }
    const bool is_over = now.is_over || error == HPE_PAUSED_UPGRADE;
    // Here it differs from RFC 9110 7.8, and h11 never goes on after HTTP/1.0: they would agree by accident.
    const bool is_no_upgrade = parser.upgrade != 0 && parser.http_minor == 0 && parser.method != HTTP_CONNECT;
    now.verdict.state = is_no_upgrade ? "upgrade in HTTP/1.0" : is_over ? "over" : error == HPE_OK ? "more" : "error";
    if (error != HPE_OK && parser.reason != nullptr) now.verdict.detail = parser.reason;
    return now.verdict;
}

}  // namespace tidemill::test
