// The handlers for framed streams: a user subclasses one and overrides its callbacks, which keep driver.h. What is written is refused with
// local_protocol if the framing cannot carry it; otherwise the calls answer as Connection::write.
#pragma once
#include <initializer_list>
#include <span>

#include "tidemill/proto/framing/block.h"
#include "tidemill/proto/framing/header_content.h"
#include "tidemill/proto/framing/line.h"
#include "tidemill/proto/framing/message.h"
#include "tidemill/proto/framing/netstring.h"
#include "tidemill/serve/driver.h"

namespace tidemill {

class LineConnection : public Driver<LineEngine> {
public:
    explicit LineConnection(LineOptions options = {}) : Driver(options), ending_(options.ending) {}

    // A line without its ending, CRLF or LF.
    virtual void on_line(Connection&, Bytes /*line*/) {}

    // For who wants fewer calls: all the lines that are there, at least one. The default calls on_line for each, and only there close(),
    // pause(), set_text() and the like take effect between two of them.
    virtual void on_lines(Connection& connection, std::span<const Bytes> lines);

    virtual void on_text(Connection&, Bytes /*text*/) {}

    // In on_line: the octets that follow, so many, are one text, perhaps none, for on_text; then come lines again. More than max_text end
    // the connection with limit.
    void set_text(std::size_t octets) { engine().set_text(octets); }

    // Ends it as the options say.
    Result<WriteResult> write_line(Connection& connection, Bytes line) const;

private:
    void tell(Connection& connection, const LineEngine::Event& event) final;

    LineEnding ending_;
    bool is_default_ = false;  // on_lines was not overridden
};

class MessageConnection : public Driver<MessageEngine> {
public:
    explicit MessageConnection(MessageOptions options = {}) : Driver(options), prefix_(options.prefix) {}

    virtual void on_message(Connection&, Bytes /*message*/) {}
    Result<WriteResult> write_message(Connection& connection, Bytes message) const;

private:
    void tell(Connection& connection, const MessageEngine::Event& event) final { on_message(connection, event.octets); }

    LengthPrefix prefix_;
};

class NetstringConnection : public Driver<NetstringEngine> {
public:
    explicit NetstringConnection(NetstringOptions options = {}) : Driver(options) {}

    virtual void on_message(Connection&, Bytes /*message*/) {}
    static Result<WriteResult> write_message(Connection& connection, Bytes message);

private:
    void tell(Connection& connection, const NetstringEngine::Event& event) final { on_message(connection, event.octets); }
};

class BlockConnection : public Driver<BlockEngine> {
public:
    // size: at least 1.
    explicit BlockConnection(std::size_t size) : Driver(size) {}

    virtual void on_block(Connection&, Bytes /*block*/) {}
    Result<WriteResult> write_block(Connection& connection, Bytes block);

private:
    void tell(Connection& connection, const BlockEngine::Event& event) final { on_block(connection, event.octets); }
};

class HeaderContentConnection : public Driver<HeaderContentEngine> {
public:
    explicit HeaderContentConnection(HeaderContentOptions options = {}) : Driver(options) {}

    // The lines of a header, without their endings. set_content(), called here, says how long its content is; otherwise Content-Length.
    virtual void on_header(Connection&, std::span<const Bytes> /*lines*/) {}
    void set_content(std::size_t octets) { engine().set_content(octets); }

    // Follows every on_header; perhaps empty.
    virtual void on_content(Connection&, Bytes /*content*/) {}

    // Adds a line Content-Length if there is none.
    static Result<WriteResult> write_message(Connection& connection, std::span<const Bytes> header, Bytes content);

private:
    void tell(Connection& connection, const HeaderContentEngine::Event& event) final;
};

}  // namespace tidemill
