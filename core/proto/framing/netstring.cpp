#include "tidemill/proto/framing/netstring.h"

namespace tidemill {

Step NetstringEngine::next() {
    if (has_failed()) return Step::failed;
    const Bytes rest = input_.rest();
    std::size_t length = 0, digits = 0;
    // Each digit is judged when it comes: what is wrong does not depend on how many came with it.
    for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
        if (digits == limits::netstring_digits) {
            return fail_at(FrameLimit::netstring_digits, ErrorCode::remote_protocol,
                           "the peer sent a netstring whose length has more than " + std::to_string(digits) + " digits");
        }
        if (digits == 1 && rest[0] == '0') return fail(ErrorCode::remote_protocol, "the peer sent a netstring whose length begins with 0");
        length = 10 * length + static_cast<std::size_t>(rest[digits] - '0');
        if (length > options_.max_message) {
            return fail_at(FrameLimit::message,
                           "the peer announced a netstring of more than " + std::to_string(options_.max_message) + " octets");
        }
    }
    if (digits == rest.size()) return wait_or_end();
    if (digits == 0 || rest[digits] != ':') return fail(ErrorCode::remote_protocol, "the peer sent something else than a netstring");
    const std::size_t comma = digits + 1 + length;
    if (rest.size() <= comma) return wait_or_end();
    if (rest[comma] != ',') return fail(ErrorCode::remote_protocol, "the peer sent a netstring without a comma at its end");
    event_.octets = rest.substr(digits + 1, length);
    input_.consume(comma + 1);
    return Step::event;
}

Step NetstringEngine::wait_or_end() {
    if (!has_input_ended_) return wait();
    if (input_.rest().empty()) return wait(Step::ended);
    return fail(ErrorCode::remote_protocol, "the peer ended with an incomplete netstring");
}

Result<std::string> netstring_head(std::size_t length) {
    std::string head = std::to_string(length);
    if (head.size() > limits::netstring_digits) {
        return make_error(ErrorCode::local_protocol, "write_message", {}, "a netstring of " + head + " octets is too long");
    }
    return head += ':';
}

}  // namespace tidemill
