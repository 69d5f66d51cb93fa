#include "tidemill/serve/limit_counters.h"

namespace tidemill {

// A limit without a line here is a warning, and those are errors.
#define TIDEMILL_COUNT(limit, counter) \
    case Limit::limit:                 \
        ++metrics.counter;             \
        return;

void count_limit(Metrics& metrics, HttpLimit limit) {
    using Limit = HttpLimit;
    switch (limit) {
        case Limit::none:
        case Limit::interims:  // a client's
            return;
            TIDEMILL_COUNT(start_line, http_start_line_hits)
            TIDEMILL_COUNT(section, http_section_hits)
            TIDEMILL_COUNT(fields, http_fields_hits)
            TIDEMILL_COUNT(trailer_section, http_trailer_section_hits)
            TIDEMILL_COUNT(trailers, http_trailers_hits)
            TIDEMILL_COUNT(chunk_digits, http_chunk_digits_hits)
            TIDEMILL_COUNT(chunk_extension, http_chunk_extension_hits)
            TIDEMILL_COUNT(chunk_extensions, http_chunk_extensions_hits)
            TIDEMILL_COUNT(body, http_body_hits)
            TIDEMILL_COUNT(requests, http_requests_hits)
            TIDEMILL_COUNT(first_octet, http_first_octet_hits)
            TIDEMILL_COUNT(head, http_head_hits)
            TIDEMILL_COUNT(body_progress, http_body_progress_hits)
            TIDEMILL_COUNT(idle, http_idle_hits)
            TIDEMILL_COUNT(body_rate, http_body_rate_hits)
    }
}

void count_limit(Metrics& metrics, WebSocketLimit limit) {
    using Limit = WebSocketLimit;
    switch (limit) {
        case Limit::none:
            return;
            TIDEMILL_COUNT(message, websocket_message_hits)
            TIDEMILL_COUNT(fragments, websocket_fragments_hits)
            TIDEMILL_COUNT(control, websocket_control_hits)
            TIDEMILL_COUNT(controls_per_second, websocket_controls_per_second_hits)
            TIDEMILL_COUNT(send_queue, websocket_send_queue_hits)
            TIDEMILL_COUNT(handshake, websocket_handshake_hits)
            TIDEMILL_COUNT(pong_timeout, websocket_pong_timeout_hits)
            TIDEMILL_COUNT(close_timeout, websocket_close_timeout_hits)
            TIDEMILL_COUNT(ratio, websocket_ratio_hits)
            TIDEMILL_COUNT(final_blocks, websocket_final_blocks_hits)
    }
}

void count_limit(Metrics& metrics, FrameLimit limit) {
    using Limit = FrameLimit;
    switch (limit) {
        case Limit::none:
            return;
            TIDEMILL_COUNT(line, frame_line_hits)
            TIDEMILL_COUNT(text, frame_text_hits)
            TIDEMILL_COUNT(message, frame_message_hits)
            TIDEMILL_COUNT(content, frame_content_hits)
            TIDEMILL_COUNT(header, frame_header_hits)
            TIDEMILL_COUNT(header_lines, frame_header_lines_hits)
            TIDEMILL_COUNT(netstring_digits, netstring_digits_hits)
            TIDEMILL_COUNT(varint_octets, varint_octets_hits)
    }
}

#undef TIDEMILL_COUNT

}  // namespace tidemill
