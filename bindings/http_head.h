// A request's head as app interfaces want it, in one event (_on_head) instead of calls for each part: names spelled their way, and what else
// they have to know as bits of one number.
#pragma once
#include <string>
#include <vector>

#include "bindings/script.h"
#include "tidemill/serve/http_request.h"

namespace tidemill::script {

enum class HeadStyle : std::uint8_t {
    none,  // the object is told _on_request
    lower,  // "accept", each field as it came: ASGI
    cgi,  // "HTTP_ACCEPT", repeated fields joined: WSGI, Rack
};

// By its name; "" is none. Throws argument.
HeadStyle head_style(Bytes name);

// The request has to outlive it.
class HeadForApp {
public:
    static constexpr int has_body = 1;
    static constexpr int is_http10 = 2;
    static constexpr int has_high_octets = 4;  // in the target or in a value: it is not ASCII
    static constexpr int is_upgrade = 8;  // another protocol is asked for

    HeadForApp(const HttpRequest& request, HeadStyle style);
    HeadForApp(const HeadForApp&) = delete;
    HeadForApp& operator=(const HeadForApp&) = delete;

    int flags() const { return flags_; }
    // lower: octets; cgi: text.
    Value fields() const { return is_text_ ? Value::word_pairs(fields_) : Value::octet_pairs(fields_); }

private:
    void add_lower(const HttpField& field);
    void add_cgi(const HttpField& field);
    Bytes spelled(Bytes prefix, Bytes name, HeadStyle style);

    std::vector<Value::Pair>& fields_;
    std::string& names_;
    std::vector<std::string> joined_;  // values of more than one field
    int flags_ = 0;
    bool is_text_;
};

}  // namespace tidemill::script
