#include "bindings/http_head.h"

#include <algorithm>

#include "bindings/facade.h"

namespace tidemill::script {
namespace {

// Memory that serves the next request: a head is told and gone before the next one of the thread.
thread_local std::vector<Value::Pair> pairs_of_thread;
thread_local std::string names_of_thread;

constexpr char to_lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter;
}

constexpr char to_cgi(char letter) {
    if (letter == '-') return '_';
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - ('a' - 'A')) : letter;
}

bool has_high(Bytes text) {
    return std::any_of(text.begin(), text.end(), [](char octet) { return (octet & 0x80) != 0; });
}

}  // namespace

HeadStyle head_style(Bytes name) {
    if (name.empty()) return HeadStyle::none;
    if (name == "lower") return HeadStyle::lower;
    if (name == "cgi") return HeadStyle::cgi;
    throw Failure{make_error(ErrorCode::argument, "set_protocol", {}, "heads are lower or cgi")};
}

HeadForApp::HeadForApp(const HttpRequest& request, HeadStyle style)
    : fields_(pairs_of_thread), names_(names_of_thread), is_text_(style == HeadStyle::cgi) {
    fields_.clear();
    names_.clear();
    // Views into it are kept, so it must not grow: a name gets at most five octets more ("HTTP_").
    std::size_t octets = 0;
    for (const HttpField& field : request.fields()) octets += field.name.size() + 5;
    names_.reserve(octets);
    joined_.reserve(style == HeadStyle::cgi ? request.fields().size() : 0);

    if (request.has_body()) flags_ |= has_body;
    if (request.minor_version() == 0) flags_ |= is_http10;
    if (request.head().is_upgrade) flags_ |= is_upgrade;
    if (has_high(request.target())) flags_ |= has_high_octets;
    for (const HttpField& field : request.fields()) {
        if (has_high(field.value)) flags_ |= has_high_octets;
        style == HeadStyle::lower ? add_lower(field) : add_cgi(field);
    }
}

Bytes HeadForApp::spelled(Bytes prefix, Bytes name, HeadStyle style) {
    const std::size_t begin = names_.size();
    names_.append(prefix);
    for (const char letter : name) names_.push_back(style == HeadStyle::lower ? to_lower(letter) : to_cgi(letter));
    return Bytes(names_).substr(begin);
}

void HeadForApp::add_lower(const HttpField& field) {
    fields_.push_back({spelled({}, field.name, HeadStyle::lower), field.value});
}

// Two names could become one, and a peer's X_Forwarded_For a proxy's X-Forwarded-For: those with an underscore are left out, as other
// servers do. Fields of one name are one list with commas (RFC 9110 5.3); Cookie alone has its own separator (RFC 6265 5.4).
void HeadForApp::add_cgi(const HttpField& field) {
    if (field.name.find('_') != Bytes::npos) return;
    Bytes name = spelled("HTTP_", field.name, HeadStyle::cgi);
    if (name == "HTTP_CONTENT_TYPE" || name == "HTTP_CONTENT_LENGTH") name.remove_prefix(5);
    const auto same = std::find_if(fields_.begin(), fields_.end(), [name](const Value::Pair& pair) { return pair.first == name; });
    if (same == fields_.end()) {
        fields_.push_back({name, field.value});
        return;
    }
    joined_.push_back(std::string(same->second).append(name == "HTTP_COOKIE" ? "; " : ", ").append(field.value));
    same->second = joined_.back();
}

}  // namespace tidemill::script
