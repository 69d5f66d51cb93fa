// The framings of serve/framing.h at script size. What their objects write is connection_write_frame; here is what else they can do.
#pragma once
#include "bindings/protocol.h"

namespace tidemill::script {

// LineConnection: the next octets, so many, are one text for on_text. Throws argument, closed, state.
void line_set_text(ScriptHandler& handler, std::int64_t octets);

// HeaderContentConnection. Throws argument, closed, state.
void header_set_content(ScriptHandler& handler, std::int64_t octets);
// lines: with a line feed between them, of which there must be `count` then. Throws local_protocol, and what write() does.
bool header_write(ScriptHandler& handler, Octets lines, int count, Octets content);

// For the table of protocol.cpp.
std::unique_ptr<Protocol> make_lines(ScriptHandler& handler, const ProtocolOptions& options);           // max_line, max_text, batches
std::unique_ptr<Protocol> make_messages(ScriptHandler& handler, const ProtocolOptions& options);        // length_prefix, max_message
std::unique_ptr<Protocol> make_netstrings(ScriptHandler& handler, const ProtocolOptions& options);      // max_message
std::unique_ptr<Protocol> make_blocks(ScriptHandler& handler, const ProtocolOptions& options);          // block_size
std::unique_ptr<Protocol> make_header_content(ScriptHandler& handler, const ProtocolOptions& options);  // max_header, ..lines, ..content

}  // namespace tidemill::script
