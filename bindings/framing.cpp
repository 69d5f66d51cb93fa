#include "bindings/framing.h"

#include <vector>

#include "tidemill/serve/framing.h"

namespace tidemill::script {
namespace {

// A handler of serve/framing.h whose user is a script's object.
template <class Framing>
class Scripted : public Framing, public Protocol {
public:
    template <class... Options>
    explicit Scripted(ScriptHandler& object, Options... options) : Framing(options...), object_(object) {}

    DriverBase& driver() final { return *this; }
    void on_end(Connection& connection) final { object_.on_end(connection); }

protected:
    void tell_octets(Event event, Bytes octets) { object_.tell(event, Value::octets(octets)); }
    void tell_list(Event event, std::span<const Bytes> list) { object_.tell(event, Value::octets_of(list)); }

private:
    ScriptHandler& object_;
};

class Lines final : public Scripted<LineConnection> {
public:
    Lines(ScriptHandler& object, LineOptions options, bool has_batches) : Scripted(object, options), has_batches_(has_batches) {}

    void on_line(Connection&, Bytes line) override { tell_octets(Event::on_line, line); }
    void on_lines(Connection& connection, std::span<const Bytes> lines) override {
        has_batches_ ? tell_list(Event::on_lines, lines) : LineConnection::on_lines(connection, lines);
    }
    void on_text(Connection&, Bytes text) override { tell_octets(Event::on_text, text); }
    Result<WriteResult> write_frame(Connection& connection, Bytes line) override { return write_line(connection, line); }

private:
    bool has_batches_;
};

class Messages final : public Scripted<MessageConnection> {
public:
    using Scripted::Scripted;
    void on_message(Connection&, Bytes message) override { tell_octets(Event::on_message, message); }
    Result<WriteResult> write_frame(Connection& connection, Bytes message) override { return write_message(connection, message); }
};

class Netstrings final : public Scripted<NetstringConnection> {
public:
    using Scripted::Scripted;
    void on_message(Connection&, Bytes message) override { tell_octets(Event::on_message, message); }
    Result<WriteResult> write_frame(Connection& connection, Bytes message) override { return write_message(connection, message); }
};

class Blocks final : public Scripted<BlockConnection> {
public:
    using Scripted::Scripted;
    void on_block(Connection&, Bytes block) override { tell_octets(Event::on_block, block); }
    Result<WriteResult> write_frame(Connection& connection, Bytes block) override { return write_block(connection, block); }
};

class HeaderContent final : public Scripted<HeaderContentConnection> {
public:
    using Scripted::Scripted;
    void on_header(Connection&, std::span<const Bytes> lines) override { tell_list(Event::on_header, lines); }
    void on_content(Connection&, Bytes content) override { tell_octets(Event::on_content, content); }
    Result<WriteResult> write_frame(Connection& connection, Bytes content) override { return write_message(connection, {}, content); }
};

std::size_t checked(std::int64_t octets, std::string_view operation) {
    if (octets < 0) throw Failure{make_error(ErrorCode::argument, operation, {}, "a length must be 0 or more octets")};
    return static_cast<std::size_t>(octets);
}

}  // namespace

std::unique_ptr<Protocol> make_lines(ScriptHandler& handler, const ProtocolOptions& options) {
    const Bytes ending = options.word("line_ending");
    if (ending != "crlf" && ending != "lf") throw Failure{make_error(ErrorCode::argument, "set_protocol", {}, "line_ending is crlf or lf")};
    const LineOptions line{options.number("max_line"), options.number("max_text"), ending == "lf" ? LineEnding::lf : LineEnding::crlf};
    return std::make_unique<Lines>(handler, line, options.number("batches") != 0);
}

std::unique_ptr<Protocol> make_messages(ScriptHandler& handler, const ProtocolOptions& options) {
    const std::optional<LengthPrefix> prefix = length_prefix_named(options.word("length_prefix"));
    if (!prefix) throw Failure{make_error(ErrorCode::argument, "set_protocol", {}, "there is no length_prefix of that name")};
    return std::make_unique<Messages>(handler, MessageOptions{*prefix, options.number("max_message")});
}

std::unique_ptr<Protocol> make_netstrings(ScriptHandler& handler, const ProtocolOptions& options) {
    return std::make_unique<Netstrings>(handler, NetstringOptions{options.number("max_message")});
}

std::unique_ptr<Protocol> make_blocks(ScriptHandler& handler, const ProtocolOptions& options) {
    const std::size_t size = options.number("block_size");
    if (size == 0) throw Failure{make_error(ErrorCode::argument, "set_protocol", {}, "block_size must be 1 or more octets")};
    return std::make_unique<Blocks>(handler, size);
}

std::unique_ptr<Protocol> make_header_content(ScriptHandler& handler, const ProtocolOptions& options) {
    return std::make_unique<HeaderContent>(
        handler, HeaderContentOptions{options.number("max_header"), options.number("max_header_lines"), options.number("max_content")});
}

void line_set_text(ScriptHandler& handler, std::int64_t octets) {
    const std::size_t count = checked(octets, "set_text");
    protocol_of<Lines>(handler, "set_text").protocol.set_text(count);
}

void header_set_content(ScriptHandler& handler, std::int64_t octets) {
    const std::size_t count = checked(octets, "set_content");
    protocol_of<HeaderContent>(handler, "set_content").protocol.set_content(count);
}

bool header_write(ScriptHandler& handler, Octets lines, int count, Octets content) {
    const auto [connection, protocol] = protocol_of<HeaderContent>(handler, "write_message");
    std::vector<Bytes> header;
    for (Bytes rest = lines.bytes; count > 0 && !rest.empty();) {
        const Bytes line = rest.substr(0, rest.find('\n'));
        header.push_back(line);
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    if (header.size() != static_cast<std::size_t>(count)) {
        throw Failure{make_error(ErrorCode::local_protocol, "write_message", {}, "a line of a header is empty, or has CR or LF in it")};
    }
    return is_flowing(handler, protocol.write_message(connection, header, content.bytes));
}

}  // namespace tidemill::script
