// libFuzzer: whatever octets come, a WebSocket engine tells and answers the same however they are cut, and keeps within its limits; and what one
// engine sends, another one tells.
//
// The first octet says what is tried, the second where the octets are cut.
#include <tidemill/proto/websocket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace tidemill;

namespace {

class CountingRandom final : public RandomSource {
public:
    bool fill(char* data, std::size_t size) override {
        for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(++count_);
        return true;
    }

private:
    std::uint8_t count_ = 0;
};

// What is tried, bit by bit.
struct Plan {
    explicit Plan(std::uint8_t octet) : bits(octet) {}
    std::uint8_t bits;

    WebSocketRole role() const { return bits & 1 ? WebSocketRole::client : WebSocketRole::server; }
    bool is_deflated() const { return bits & 2; }
    bool streams() const { return bits & 4; }
    bool keeps_context() const { return bits & 8; }
    bool is_framed() const { return bits & 16; }  // the octets are payloads, which are put into frames
    bool is_round_trip() const { return bits & 32; }
    int window_bits() const { return bits & 64 ? 9 : 15; }

    WebSocketOptions options(RandomSource& random) const {
        WebSocketOptions options;
        options.random = &random;
        if (is_deflated()) options.deflate = WebSocketDeflate{!keeps_context(), !keeps_context(), window_bits(), window_bits()};
        options.streams = streams();
        options.message_limit = 100'000;
        options.fragment_limit = 20;
        options.compress_from = 20;
        return options;
    }
};

// One end, and what became of it.
struct End {
    CountingRandom random;
    WebSocketEngine engine;
    bool echoes;
    std::string trace;  // runs of parts are merged
    std::string sent;
    Step step = Step::need_more;
    std::size_t told = 0;  // octets of the message that is told in parts

    End(const Plan& plan, WebSocketRole role, bool does_echo) : engine(role, plan.options(random)), echoes(does_echo) {}

    void note(const WebSocketEvent& event) {
        const std::string data(event.data);
        if (event.is_text && !is_utf8(data)) std::abort();
        if (event.kind == WebSocketEvent::Kind::message_part) {
            if (event.is_first != (told == 0) && !data.empty() && !event.is_last) std::abort();
            if (data.empty() && !event.is_last) std::abort();
            if (event.is_first) trace += event.is_text ? "text:" : "binary:";
            trace += data;
            if (event.is_last) trace += "|";
            told = event.is_last ? 0 : told + data.size();
            if (told > 100'000) std::abort();
            return;
        }
        // Between parts of a message this is where it was however the message was cut.
        trace += std::to_string(static_cast<int>(event.kind)) + (event.is_text ? "t" : "") + std::to_string(event.code) + ":" + data + "|";
        if (event.kind != WebSocketEvent::Kind::message) return;
        if (data.size() > 100'000) std::abort();
        if (!echoes || engine.is_closing()) return;
        if (!(event.is_text ? engine.send_text(data) : engine.send_binary(data))) std::abort();
    }

    void feed(std::string_view octets) {
        const std::unique_ptr<char[]> lent(new char[octets.size()]);
        std::memcpy(lent.get(), octets.data(), octets.size());
        engine.feed(Bytes(lent.get(), octets.size()));
        drain();
    }

    void drain() {
        while ((step = engine.next()) == Step::event) note(engine.event());
        if ((step == Step::failed) != engine.error().is_set()) std::abort();
        sent += engine.output();
        engine.output().clear();
    }

    std::string outcome() {
        engine.finish();
        drain();
        if (step != Step::ended && step != Step::failed) std::abort();
        if (!engine.is_done()) std::abort();
        return trace + "\n" + sent + "\n" + engine.error().text();
    }
};

std::string frame(unsigned first, std::string_view payload, bool masked) {
    WebSocketFrame header;
    header.is_final = first & 0x80;
    header.is_compressed = first & 0x40;
    header.opcode = static_cast<WebSocketOpcode>(first & 0x0F);
    header.is_masked = masked;
    header.mask = 0x9E3779B9;
    header.size = payload.size();
    std::string octets;
    write_websocket_frame(octets, header);
    const std::size_t begin = octets.size();
    octets += payload;
    if (masked) apply_websocket_mask(octets.data() + begin, payload.size(), header.mask);
    return octets;
}

// Each frame is made of: its first octet, a size, the payload.
std::string framed(std::string_view octets, bool masked) {
    std::string frames;
    while (octets.size() >= 2) {
        const std::size_t size = std::min<std::size_t>(static_cast<std::uint8_t>(octets[1]), octets.size() - 2);
        frames += frame(static_cast<std::uint8_t>(octets[0]), octets.substr(2, size), masked);
        octets.remove_prefix(2 + size);
    }
    return frames;
}

void check_cuts(const Plan& plan, std::uint8_t cut, std::string_view octets) {
    End whole(plan, plan.role(), !plan.streams());
    whole.feed(octets);
    const std::string expected = whole.outcome();

    End dripped(plan, plan.role(), !plan.streams());
    for (const char& octet : octets) dripped.feed({&octet, 1});
    if (dripped.outcome() != expected) std::abort();

    End pieces(plan, plan.role(), !plan.streams());
    for (std::size_t at = 0, size = cut; at < octets.size(); at += size) {
        size = 1 + (size * 7 + 3) % 61;
        pieces.feed(octets.substr(at, size));
    }
    if (pieces.outcome() != expected) std::abort();
}

// One end sends what the octets say: a kind, a size, a payload; the other one must tell it, with the role's own answers.
void check_round_trip(const Plan& plan, std::string_view octets) {
    const WebSocketRole other = plan.role() == WebSocketRole::server ? WebSocketRole::client : WebSocketRole::server;
    End from(plan, plan.role(), false);
    End to(plan, other, false);
    std::string expected;
    std::size_t sent = 0;
    while (octets.size() >= 2) {
        const auto kind = static_cast<std::uint8_t>(octets[0]);
        const std::size_t size = std::min<std::size_t>(static_cast<std::uint8_t>(octets[1]), octets.size() - 2);
        std::string payload(octets.substr(2, size));
        octets.remove_prefix(2 + size);
        for (int i = kind >> 4; i > 0 && payload.size() < 5'000; --i) payload += payload;
        const bool is_text = kind & 1;
        const bool is_sendable = !is_text || is_utf8(payload);
        const bool is_fragmented = kind & 2;
        bool is_sent = false;
        if (is_fragmented) {
            const std::size_t half = payload.size() / 2;
            is_sent = static_cast<bool>(is_text ? from.engine.begin_text(payload.substr(0, half))
                                                : from.engine.begin_binary(payload.substr(0, half)));
            if (is_sent && !from.engine.end_message(payload.substr(half))) return;  // not UTF-8, and a message half sent
        } else {
            is_sent = static_cast<bool>(is_text ? from.engine.send_text(payload) : from.engine.send_binary(payload));
        }
        if (is_sent != is_sendable) std::abort();
        if (!is_sent) continue;
        ++sent;
        expected += plan.streams() ? (is_text ? "text:" : "binary:") + payload + "|"
                                   : std::string("0") + (is_text ? "t" : "") + "0:" + payload + "|";
        from.drain();
        to.feed(from.sent);
        from.sent.clear();
        // One that compresses better than 1:100 is refused; here none is long enough.
        if (to.step != Step::need_more || to.trace != expected) std::abort();
    }
    if (!from.engine.close(1001, "done")) std::abort();
    from.drain();
    to.feed(from.sent);
    from.feed(to.sent);
    if (!to.trace.ends_with(":done|") || !from.trace.ends_with(":|")) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const Plan plan(data[0]);
    const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
    if (plan.is_round_trip()) {
        check_round_trip(plan, octets);
    } else if (plan.is_framed()) {
        check_cuts(plan, data[1], framed(octets, plan.role() == WebSocketRole::server));
    } else {
        check_cuts(plan, data[1], octets);
    }
    return 0;
}
