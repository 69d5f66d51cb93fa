// The framing engines as subjects of splits.h, for the contract tests and the fuzz target.
#pragma once
#include "support/splits.h"
#include "tidemill/proto/framing/block.h"
#include "tidemill/proto/framing/header_content.h"
#include "tidemill/proto/framing/line.h"
#include "tidemill/proto/framing/message.h"
#include "tidemill/proto/framing/netstring.h"

namespace tidemill::test {

// A line `text N` asks for a text of N octets.
inline Subject<LineEngine> line_subject(LineOptions options) {
    const auto tell = [](LineEngine& engine, const LineEngine::Event& event) {
        const Told told{event.kind == LineEngine::Kind::line ? "line" : "text", std::string(event.octets)};
        if (told.words == "line" && told.octets.starts_with("text ")) engine.set_text(std::strtoul(told.octets.c_str() + 5, nullptr, 10));
        return told;
    };
    return {[options] { return std::make_unique<LineEngine>(options); }, tell};
}

// The same, but told of lines in batches: they are the same lines. `stop` in a batch puts back the rest of it and takes one more line.
inline Subject<LineEngine> batch_subject(LineOptions options) {
    const auto tell = [](LineEngine& engine, const LineEngine::Event& event) {
        if (event.kind == LineEngine::Kind::text) return Told{"text", std::string(event.octets)};
        std::string lines;
        bool has_stopped = false;
        const std::span<const Bytes> batch = engine.take_lines(7);
        for (const Bytes line : batch) {
            has_stopped = has_stopped || line == "stop";
            lines.append(line) += '\n';
        }
        if (!has_stopped) return Told{"lines", lines, true};
        lines = std::string(batch[0]) + '\n';
        engine.put_back_lines();
        if (batch.size() > 1) {
            lines.append(batch[1]) += '\n';
            engine.take_line();
        }
        return Told{"lines", lines, true};
    };
    return {[options] { return std::make_unique<LineEngine>(options); }, tell};
}

// A header whose first line is `content N` has N octets of it.
inline Subject<HeaderContentEngine> header_content_subject(HeaderContentOptions options) {
    const auto tell = [](HeaderContentEngine& engine, const HeaderContentEngine::Event& event) {
        if (event.kind == HeaderContentEngine::Kind::content) return Told{"content", std::string(event.octets)};
        Told told{"header"};
        for (const Bytes line : event.lines) told.octets.append("<").append(line).append(">");
        if (told.octets.starts_with("<content ")) engine.set_content(std::strtoul(told.octets.c_str() + 9, nullptr, 10));
        return told;
    };
    return {[options] { return std::make_unique<HeaderContentEngine>(options); }, tell};
}

template <class E, class... Options>
Subject<E> frame_subject(Options... options) {
    const auto tell = [](E&, const typename E::Event& event) { return Told{"frame", std::string(event.octets)}; };
    return {[options...] { return std::make_unique<E>(options...); }, tell};
}

inline Subject<MessageEngine> message_subject(LengthPrefix prefix, std::size_t max_message) {
    return frame_subject<MessageEngine>(MessageOptions{prefix, max_message});
}

inline constexpr LengthPrefix all_prefixes[] = {LengthPrefix::uint8,    LengthPrefix::uint16,   LengthPrefix::uint24,
                                                LengthPrefix::uint32,   LengthPrefix::uint16le, LengthPrefix::uint24le,
                                                LengthPrefix::uint32le, LengthPrefix::varint};

}  // namespace tidemill::test
