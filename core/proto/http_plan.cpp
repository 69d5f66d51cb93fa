#include "tidemill/proto/http_plan.h"

#include <charconv>

namespace tidemill {

using http::Known;

static Result<void> check_field(const HttpField& field) {
    if (!http::is_token(field.name)) return http_misuse("the name of a field is empty or has an octet that no name has");
    if (!http::is_value(field.value)) return http_misuse("a control character in the value of a field");
    return {};
}

Result<void> HttpPlan::take(HttpFields fields) {
    for (const HttpField& field : fields) {
        if (Result<void> checked = check_field(field); !checked) return checked;
        const Bytes value = http::trimmed(field.value);
        switch (http::known_field(field.name)) {
            case Known::host:
                ++hosts;
                host = value;
                break;
            case Known::connection:
                connection.add(value);
                break;
            case Known::content_length:
                if (has_given_length || !http::parse_length(value, given_length)) return http_misuse("Content-Length is not one number");
                has_given_length = true;
                break;
            case Known::transfer_encoding:
                if (is_given_chunked || !http::equals(value, "chunked")) return http_misuse("Transfer-Encoding is not chunked, once");
                is_given_chunked = true;
                break;
            case Known::upgrade:
                has_upgrade = true;
                break;
            case Known::te:
                has_te = true;
                break;
            case Known::expect:
                if (!http::equals(value, "100-continue")) return http_misuse("an expectation other than 100-continue");
                is_continue_expected = true;
                break;
            case Known::no:
                break;
        }
    }
    if (connection.has_others) return http_misuse("Connection has options other than close, keep-alive, upgrade and TE");
    return {};
}

Result<void> HttpPlan::compare(HttpFraming given, bool is_length_free) const {
    if (is_given_chunked && given.kind != HttpFraming::Kind::chunked) return http_misuse("Transfer-Encoding: chunked with another framing");
    if (!has_given_length) return {};
    const bool is_same = given.kind == HttpFraming::Kind::length
                             ? given.length == given_length
                             : given.kind == HttpFraming::Kind::none && (is_length_free || given_length == 0);
    if (!is_same) return http_misuse("Content-Length says something else than the framing");
    return {};
}

Result<void> check_trailers(HttpFields trailers) {
    for (const HttpField& field : trailers) {
        if (Result<void> checked = check_field(field); !checked) return checked;
        const Known known = http::known_field(field.name);
        if (known != Known::no && known != Known::te) return http_misuse("a field in the trailers that belongs into the head");
    }
    return {};
}

void put_field(HttpField field, std::string& output) {
    output.append(field.name).append(": ").append(field.value).append("\r\n");
}

void put_number(std::uint64_t number, std::string& output) {
    char digits[20];
    const std::to_chars_result result = std::to_chars(digits, digits + sizeof digits, number);
    output.append(digits, result.ptr);
}

void HttpPlan::put(HttpFields fields, Bytes date, std::string& output) const {
    for (const HttpField& field : fields) {
        const Known known = http::known_field(field.name);
        if (known != Known::connection && known != Known::content_length && known != Known::transfer_encoding) put_field(field, output);
    }
    if (!date.empty()) put_field({"Date", date}, output);
    if (writes_length) {
        output.append("Content-Length: ");
        put_number(length, output);
        output.append("\r\n");
    }
    if (writes_chunked) output.append("Transfer-Encoding: chunked\r\n");
    if (is_last || says_keep_alive || has_upgrade || has_te) {
        Bytes separator = "Connection: ";
        const auto put_option = [&](bool is_there, Bytes option) {
            if (!is_there) return;
            output.append(separator).append(option);
            separator = ", ";
        };
        put_option(is_last, "close");
        put_option(says_keep_alive, "keep-alive");
        put_option(has_upgrade, "Upgrade");
        put_option(has_te, "TE");
        output.append("\r\n");
    }
    output.append("\r\n");
}

}  // namespace tidemill
