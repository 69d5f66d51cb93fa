// Protocols and framings; bindings/protocol.h and bindings/framing.h say what each does.
namespace tidemill {
namespace script {

void connection_set_protocol(ScriptHandler& handler, Bytes name, Bytes options);
void connection_refuse(ScriptHandler& handler, Bytes why);
void line_set_text(ScriptHandler& handler, std::int64_t octets);
void header_set_content(ScriptHandler& handler, std::int64_t octets);
bool header_write(ScriptHandler& handler, Octets lines, int count, Octets content);

}
}
