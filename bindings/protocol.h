// Protocols at script size: by their names, with options as text, so that a new one adds a line to the table in protocol.cpp and nothing
// to the dispatchers.
#pragma once
#include <memory>
#include <string_view>

#include "bindings/facade.h"

namespace tidemill::script {

// "name=value name=value", as the adaptors write it: numbers, and words without blanks.
class ProtocolOptions {
public:
    explicit ProtocolOptions(Bytes text) : text_(text) {}

    Bytes word(std::string_view name) const;
    // 0 or more. Throws argument.
    std::size_t number(std::string_view name) const;

private:
    Bytes text_;
};

// Before the object gets a connection; it has the protocol for as long as that. Throws argument.
void connection_set_protocol(ScriptHandler& handler, Bytes name, Bytes options);

// Sends one frame of the object's protocol; true: flowing. Each language wraps this by hand, as it does write(). Throws local_protocol, and
// what write() does.
bool connection_write_frame(ScriptHandler& handler, Bytes octets);

// For a message that the adaptor cannot make anything of: closes with remote_protocol. Does nothing once it is closed.
void connection_refuse(ScriptHandler& handler, Bytes why);

// The connection and its protocol, if that is a P. Throws closed, state, and state if it is none: an object's adaptor set another.
template <class P>
struct Protocolled {
    Connection& connection;
    P& protocol;
};
Connection& connection_of(ScriptHandler& handler, std::string_view operation);
template <class P>
Protocolled<P> protocol_of(ScriptHandler& handler, std::string_view operation) {
    Connection& connection = connection_of(handler, operation);
    auto* protocol = dynamic_cast<P*>(handler.protocol());
    if (protocol == nullptr) throw Failure{make_error(ErrorCode::state, operation, {}, "this object has no such protocol")};
    return {connection, *protocol};
}

// True: flowing. Throws what the write came to otherwise.
bool is_flowing(ScriptHandler& handler, const Result<WriteResult>& written);

}  // namespace tidemill::script
