// libFuzzer: a WebSocket with its opening handshake, as a server, is told the same however the octets are cut, and never answers twice.
//
// The first octet says where they are cut; unless its highest bit is set, a request that is granted comes before them.
#include <tidemill/serve/websocket_session.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace tidemill;

namespace {

constexpr std::string_view granted =
    "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

// What was told and answered, as text.
std::string play(Bytes octets, std::size_t cut) {
    const WebSocketConnectionOptions options;
    WebSocketSession session;
    session.listen(options.handshake_timeout);
    std::string told;
    Step step = Step::need_more;
    for (const Bytes piece : {octets.substr(0, cut), octets.substr(cut)}) {
        session.feed(piece);
        while ((step = session.next()) == Step::event) {
            const WebSocketSessionEvent& event = session.event();
            if (event.kind == WebSocketSessionEvent::Kind::handshake) {
                told += "handshake ";
                const Result<WebSocketAcceptance> acceptance = WebSocketAcceptance::of(*event.request, "", options);
                acceptance ? session.accept(acceptance.value(), options.frames) : session.reject(400);
            } else if (event.kind == WebSocketSessionEvent::Kind::frames) {
                told += std::to_string(static_cast<int>(event.frames->kind)) + " " + std::string(event.frames->data) + " ";
            } else {
                told += "opened or done ";
            }
        }
        session.keep();
    }
    if (step == Step::failed && session.error().text().empty()) std::abort();
    return told + session.output();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string octets(data[0] & 0x80 ? std::string_view{} : granted);
    octets.append(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t cut = octets.empty() ? 0 : (data[0] & 0x7f) * 2 % octets.size();
    if (play(octets, octets.size()) != play(octets, cut)) std::abort();
    return 0;
}
