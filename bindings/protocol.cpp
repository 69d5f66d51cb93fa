#include "bindings/protocol.h"

#include <charconv>
#include <string>

#include "bindings/framing.h"
#include "bindings/http.h"
#include "bindings/websocket.h"

namespace tidemill::script {

using Maker = std::unique_ptr<Protocol> (*)(ScriptHandler&, const ProtocolOptions&);

static constexpr std::pair<std::string_view, Maker> makers[] = {
    {"lines", make_lines},
    {"messages", make_messages},
    {"netstrings", make_netstrings},
    {"blocks", make_blocks},
    {"header_content", make_header_content},
    {"http", make_http},
    {"websocket", make_websocket},
};

Bytes ProtocolOptions::word(std::string_view name) const {
    for (Bytes rest = text_; !rest.empty();) {
        const Bytes option = rest.substr(0, rest.find(' '));
        if (option.size() > name.size() && option.starts_with(name) && option[name.size()] == '=') return option.substr(name.size() + 1);
        rest.remove_prefix(std::min(option.size() + 1, rest.size()));
    }
    return {};
}

std::size_t ProtocolOptions::number(std::string_view name) const {
    const Bytes given = word(name);
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (given.empty() || problem != std::errc{} || end != given.data() + given.size()) {
        const std::string why = std::string(name) + " must be a whole number of 0 or more, not " + std::string(given);
        throw Failure{make_error(ErrorCode::argument, "set_protocol", {}, why)};
    }
    return static_cast<std::size_t>(value);
}

void connection_set_protocol(ScriptHandler& handler, Bytes name, Bytes options) {
    for (const auto& [known, make] : makers) {
        if (known == name) return handler.set_protocol(make(handler, ProtocolOptions(options)));
    }
    throw Failure{make_error(ErrorCode::argument, "set_protocol", {}, "there is no protocol " + std::string(name))};
}

Connection& connection_of(ScriptHandler& handler, std::string_view operation) {
    if (handler.connection() != nullptr) return *handler.connection();
    const bool was_there = handler.was_attached();
    throw Failure{make_error(was_there ? ErrorCode::closed : ErrorCode::state, operation, {},
                             was_there ? "the connection is closed" : "the connection has not been started; listen or connect does that")};
}

bool is_flowing(ScriptHandler& handler, const Result<WriteResult>& written) {
    if (!written) throw Failure{written.error()};
    if (written.value().has_failed()) throw Failure{write_error(handler, written.value().code)};
    return written.value().is_flowing();
}

bool connection_write_frame(ScriptHandler& handler, Bytes octets) {
    const auto [connection, protocol] = protocol_of<Protocol>(handler, "write");
    return is_flowing(handler, protocol.write_frame(connection, octets));
}

void connection_refuse(ScriptHandler& handler, Bytes why) {
    if (handler.connection() != nullptr && handler.protocol() != nullptr) handler.protocol()->driver().refuse(*handler.connection(), why);
}

}  // namespace tidemill::script
