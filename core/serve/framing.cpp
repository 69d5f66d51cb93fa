#include "tidemill/serve/framing.h"

namespace tidemill {

static Error addressed(Error error, const Connection& connection) {
    error.endpoint = connection.peer();
    return error;
}

// ---- lines ----

void LineConnection::tell(Connection& connection, const LineEngine::Event& event) {
    if (event.kind == LineEngine::Kind::text) return on_text(connection, event.octets);
    const std::span<const Bytes> lines = engine().take_lines(limits::events_per_turn);
    is_default_ = false;
    on_lines(connection, lines);
    if (!is_default_) may_tell(connection, lines.size() - 1);  // they count all the same
}

void LineConnection::on_lines(Connection& connection, std::span<const Bytes> lines) {
    is_default_ = true;
    engine().put_back_lines();
    on_line(connection, lines[0]);
    for (std::size_t i = 1; i < lines.size() && !engine().is_text_due() && may_tell(connection); ++i) {
        engine().take_line();
        on_line(connection, lines[i]);
    }
}

Result<WriteResult> LineConnection::write_line(Connection& connection, Bytes line) const {
    if (Result<void> checked = check_line(line); !checked) return addressed(checked.error(), connection);
    return connection.write_parts({line, ending_ == LineEnding::crlf ? "\r\n" : "\n"});
}

// ---- messages, netstrings, blocks ----

Result<WriteResult> MessageConnection::write_message(Connection& connection, Bytes message) const {
    Result<LengthOctets> length = encode_length(prefix_, message.size());
    if (!length) return addressed(length.error(), connection);
    return connection.write_parts({length.value().bytes(), message});
}

Result<WriteResult> NetstringConnection::write_message(Connection& connection, Bytes message) {
    Result<std::string> head = netstring_head(message.size());
    if (!head) return addressed(head.error(), connection);
    return connection.write_parts({head.value(), message, ","});
}

Result<WriteResult> BlockConnection::write_block(Connection& connection, Bytes block) {
    if (block.size() == engine().size()) return connection.write(block);
    return make_error(ErrorCode::local_protocol, "write_block", connection.peer(),
                      "a block of " + std::to_string(block.size()) + " octets instead of " + std::to_string(engine().size()));
}

// ---- header and content ----

void HeaderContentConnection::tell(Connection& connection, const HeaderContentEngine::Event& event) {
    if (event.kind == HeaderContentEngine::Kind::header) return on_header(connection, event.lines);
    on_content(connection, event.octets);
}

Result<WriteResult> HeaderContentConnection::write_message(Connection& connection, std::span<const Bytes> header, Bytes content) {
    Result<std::string> encoded = encode_header(header, content.size());
    if (!encoded) return addressed(encoded.error(), connection);
    return connection.write_parts({encoded.value(), content});
}

}  // namespace tidemill
