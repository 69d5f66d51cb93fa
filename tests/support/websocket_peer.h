// A WebSocket's other side for tests: frames put together and taken apart octet by octet, without the engine's own code; and an engine that
// echoes what it is told and notes it.
#pragma once
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/proto/websocket.h"

namespace tidemill::test {

// Random octets that are none: 1, 2, 3, ...; or none at all.
class CountingRandom final : public RandomSource {
public:
    explicit CountingRandom(bool has_any = true) : has_any_(has_any) {}
    bool fill(char* data, std::size_t size) override {
        for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(++count_);
        return has_any_;
    }

private:
    bool has_any_;
    std::uint8_t count_ = 0;
};

// first: FIN, RSV and opcode, such as 0x81. masked: as a client sends it.
inline std::string websocket_frame(unsigned first, std::string_view payload, bool masked) {
    std::string octets(1, static_cast<char>(first));
    const unsigned mask_bit = masked ? 0x80 : 0;
    const std::uint64_t size = payload.size();
    if (size <= 125) {
        octets += static_cast<char>(mask_bit + size);
    } else if (size <= 65535) {
        octets += static_cast<char>(mask_bit + 126);
        octets += static_cast<char>(size / 256);
        octets += static_cast<char>(size % 256);
    } else {
        octets += static_cast<char>(mask_bit + 127);
        for (int shift = 56; shift >= 0; shift -= 8) octets += static_cast<char>(size >> shift);
    }
    if (!masked) return octets.append(payload);
    const std::string mask = "\x37\xfa\x21\x3d";
    octets += mask;
    for (std::size_t i = 0; i < payload.size(); ++i) octets += static_cast<char>(payload[i] ^ mask[i % 4]);
    return octets;
}

// Every frame of what an engine sent, as "OPCODE:PAYLOAD", with "+" before one that is not the last of its message and "z" before a
// compressed one. It must be masked exactly if a client sent it.
inline std::vector<std::string> websocket_frames(std::string_view octets, WebSocketRole sender) {
    std::vector<std::string> frames;
    while (!octets.empty()) {
        REQUIRE(octets.size() >= 2);
        const auto octet = [&octets](std::size_t at) { return static_cast<std::uint8_t>(octets.at(at)); };
        const unsigned first = octet(0);
        REQUIRE((first & 0x30) == 0);
        REQUIRE(((octet(1) & 0x80) != 0) == (sender == WebSocketRole::client));
        std::uint64_t size = octet(1) & 0x7F;
        std::size_t at = 2;
        if (size >= 126) {
            const std::size_t count = size == 126 ? 2 : 8;
            size = 0;
            for (std::size_t i = 0; i < count; ++i) size = size * 256 + octet(at++);
            REQUIRE(size > (count == 2 ? 125 : 65535));
        }
        std::string mask(4, '\0');
        if (sender == WebSocketRole::client) {
            mask = octets.substr(at, 4);
            at += 4;
        }
        REQUIRE(octets.size() - at >= size);
        std::string payload(octets.substr(at, size));
        for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
        frames.push_back((first & 0x80 ? "" : "+") + std::string(first & 0x40 ? "z" : "") + std::to_string(first & 0x0F) + ":" + payload);
        octets.remove_prefix(at + size);
    }
    return frames;
}

// An engine and what it told: "text:...", "binary:...", "ping:...", "pong:...", "close:CODE:REASON", and at the end "fail:CODE" with the
// code that it sent the peer. Parts of messages are put together again, after checking that each is what a part has to be.
struct WebSocketEcho {
    CountingRandom random;
    WebSocketEngine engine;
    WebSocketRole role;
    bool echoes = true;
    std::vector<std::string> told;
    std::string sent;
    std::string parts;
    bool is_in_parts = false;

    explicit WebSocketEcho(WebSocketRole which, WebSocketOptions options = {}) : engine(which, with(options, random)), role(which) {}

    static WebSocketOptions with(WebSocketOptions options, RandomSource& random) {
        options.random = &random;
        return options;
    }

    // The octets are lent and gone afterwards, so that a sanitizer sees who still reads them.
    Step feed(std::string_view octets) {
        const std::unique_ptr<char[]> lent(new char[octets.size()]);
        std::memcpy(lent.get(), octets.data(), octets.size());
        engine.feed(Bytes(lent.get(), octets.size()));
        return drain();
    }

    Step drain() {
        Step step = engine.next();
        for (; step == Step::event; step = engine.next()) note(engine.event());
        sent += engine.output();
        engine.output().clear();
        if (step == Step::failed && (told.empty() || !told.back().starts_with("fail"))) note_failure();
        return step;
    }

    void note(const WebSocketEvent& event) {
        const std::string data(event.data);
        switch (event.kind) {
            case WebSocketEvent::Kind::message:
                note_message(event.is_text, data);
                break;
            case WebSocketEvent::Kind::message_part:
                note_part(event, data);
                break;
            case WebSocketEvent::Kind::ping:
                told.push_back("ping:" + data);
                break;
            case WebSocketEvent::Kind::pong:
                told.push_back("pong:" + data);
                break;
            case WebSocketEvent::Kind::close:
                told.push_back("close:" + std::to_string(event.code) + ":" + data);
                break;
        }
    }

    void note_part(const WebSocketEvent& event, const std::string& data) {
        CHECK(event.is_first == !is_in_parts);
        CHECK((!data.empty() || event.is_last));
        if (event.is_text) CHECK(is_utf8(data));
        parts += data;
        is_in_parts = !event.is_last;
        if (!event.is_last) return;
        note_message(event.is_text, parts);
        parts.clear();
    }

    void note_message(bool is_text, const std::string& data) {
        told.push_back((is_text ? "text:" : "binary:") + data);
        if (echoes && !engine.is_closing()) CHECK((is_text ? engine.send_text(data) : engine.send_binary(data)));
    }

    void note_failure() {
        std::string code = "none";
        const std::vector<std::string> frames = websocket_frames(sent, role);
        if (!frames.empty() && frames.back().starts_with("8:") && frames.back().size() >= 4)
            code = std::to_string(static_cast<std::uint8_t>(frames.back()[2]) * 256 + static_cast<std::uint8_t>(frames.back()[3]));
        told.push_back("fail:" + code);
    }

    std::vector<std::string> frames() const { return websocket_frames(sent, role); }
};

// A close frame's payload.
inline std::string close_payload(unsigned code, std::string_view reason = {}) {
    return std::string{static_cast<char>(code / 256), static_cast<char>(code % 256)} + std::string(reason);
}

inline const std::vector<WebSocketRole>& both_roles() {
    static const std::vector<WebSocketRole> roles{WebSocketRole::server, WebSocketRole::client};
    return roles;
}

// Whether what is sent to that role is masked.
inline bool is_masked_for(WebSocketRole role) {
    return role == WebSocketRole::server;
}

}  // namespace tidemill::test
