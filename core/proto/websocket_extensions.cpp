#include "tidemill/proto/websocket_extensions.h"

#include <algorithm>

#include "tidemill/proto/http_syntax.h"

namespace tidemill {

namespace {

constexpr std::string_view deflate_name = "permessage-deflate";
constexpr int smallest_window = 8;
constexpr int largest_window = 15;

Error remote_fault(std::string_view detail) {
    return make_error(ErrorCode::remote_protocol, "handshake", {}, detail);
}

// ---- reading the header ----

// A reader of the grammar of RFC 6455 9.1, whose parts have white space around them.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    // Whether that character comes next; if so it is passed.
    bool pass(char expected) {
        skip_space();
        if (rest_.empty() || rest_.front() != expected) return false;
        rest_.remove_prefix(1);
        skip_space();
        return true;
    }
    bool is_at_end() {
        skip_space();
        return rest_.empty();
    }
    // Empty: there is none.
    std::string_view token() {
        skip_space();
        const char* const end = http::skip(rest_.data(), rest_.data() + rest_.size(), http::token_octet);
        const std::string_view found = rest_.substr(0, static_cast<std::size_t>(end - rest_.data()));
        rest_.remove_prefix(found.size());
        return found;
    }
    bool is_at_quote() const { return !rest_.empty() && rest_.front() == '"'; }
    // What it stands for has to be a token; empty: it is not, or it is not closed.
    std::string quoted_token() {
        std::string found;
        rest_.remove_prefix(1);
        while (!rest_.empty() && rest_.front() != '"') {
            if (rest_.front() == '\\') rest_.remove_prefix(1);
            if (rest_.empty()) return {};
            found += rest_.front();
            rest_.remove_prefix(1);
        }
        if (rest_.empty() || !http::is_token(found)) return {};
        rest_.remove_prefix(1);
        return found;
    }

private:
    void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

    std::string_view rest_;
};

bool read_parameter(Reader& reader, WebSocketExtension& extension) {
    WebSocketExtension::Parameter parameter{std::string(reader.token()), {}};
    if (parameter.name.empty()) return false;
    if (reader.pass('=')) {
        parameter.value = reader.is_at_quote() ? reader.quoted_token() : std::string(reader.token());
        if (parameter.value->empty()) return false;
    }
    extension.parameters.push_back(std::move(parameter));
    return true;
}

// ---- what permessage-deflate's parameters say ----

// One list of them. Of a window nothing: it was not there; no number: it was there without one.
struct Parameters {
    struct Window {
        std::optional<int> bits;
    };
    bool server_no_context_takeover = false;
    bool client_no_context_takeover = false;
    std::optional<Window> server_max_window_bits;
    std::optional<Window> client_max_window_bits;
};

// 8 to 15 without leading zeros.
std::optional<int> window_bits(const std::string& text) {
    for (int bits = smallest_window; bits <= largest_window; ++bits)
        if (text == std::to_string(bits)) return bits;
    return {};
}

bool read_flag(const WebSocketExtension::Parameter& parameter, bool& flag) {
    if (flag || parameter.value) return false;
    return flag = true;
}

bool read_window(const WebSocketExtension::Parameter& parameter, std::optional<Parameters::Window>& window) {
    if (window) return false;
    window.emplace();
    if (!parameter.value) return true;
    window->bits = window_bits(*parameter.value);
    return window->bits.has_value();
}

// Nothing: one of them is unknown, there twice, or has an impossible value (RFC 7692 7.1).
std::optional<Parameters> read_parameters(const WebSocketExtension& extension) {
    Parameters found;
    for (const WebSocketExtension::Parameter& parameter : extension.parameters) {
        bool is_good = false;
        if (parameter.name == "server_no_context_takeover") is_good = read_flag(parameter, found.server_no_context_takeover);
        if (parameter.name == "client_no_context_takeover") is_good = read_flag(parameter, found.client_no_context_takeover);
        if (parameter.name == "server_max_window_bits") is_good = read_window(parameter, found.server_max_window_bits);
        if (parameter.name == "client_max_window_bits") is_good = read_window(parameter, found.client_max_window_bits);
        if (!is_good) return {};
    }
    // Only a client may leave the number out, and only for its own window.
    if (found.server_max_window_bits && !found.server_max_window_bits->bits) return {};
    return found;
}

std::string header_of(const WebSocketDeflate& deflate) {
    std::string header(deflate_name);
    if (deflate.server_no_context_takeover) header += "; server_no_context_takeover";
    if (deflate.client_no_context_takeover) header += "; client_no_context_takeover";
    if (deflate.server_max_window_bits != largest_window)
        header += "; server_max_window_bits=" + std::to_string(deflate.server_max_window_bits);
    return header;
}

std::optional<WebSocketAnswer> answer_offer(const Parameters& offer, const WebSocketDeflate& most) {
    WebSocketDeflate agreed = most;
    agreed.server_no_context_takeover |= offer.server_no_context_takeover;
    agreed.client_no_context_takeover |= offer.client_no_context_takeover;
    if (offer.server_max_window_bits)
        agreed.server_max_window_bits = std::min(most.server_max_window_bits, *offer.server_max_window_bits->bits);
    // zlib cannot compress for a window of 8 bits (it once silently used 9): such an offer is declined.
    if (agreed.server_max_window_bits == smallest_window) return {};
    std::string header = header_of(agreed);
    if (offer.client_max_window_bits) {
        agreed.client_max_window_bits = std::min(most.client_max_window_bits, offer.client_max_window_bits->bits.value_or(largest_window));
        header += "; client_max_window_bits=" + std::to_string(agreed.client_max_window_bits);
    } else {
        agreed.client_max_window_bits = largest_window;  // the client has not said that it could keep to less
    }
    return WebSocketAnswer{agreed, std::move(header)};
}

}  // namespace

Result<std::vector<WebSocketExtension>> parse_websocket_extensions(std::string_view header) {
    std::vector<WebSocketExtension> extensions;
    Reader reader(header);
    do {
        // Empty elements of a list are to be borne (RFC 9110 5.6.1.2).
        while (reader.pass(',')) {
        }
        if (reader.is_at_end()) break;
        WebSocketExtension extension{std::string(reader.token()), {}};
        if (extension.name.empty()) return remote_fault("Sec-WebSocket-Extensions cannot be read");
        while (reader.pass(';'))
            if (!read_parameter(reader, extension)) return remote_fault("Sec-WebSocket-Extensions cannot be read");
        extensions.push_back(std::move(extension));
    } while (reader.pass(','));
    if (!reader.is_at_end()) return remote_fault("Sec-WebSocket-Extensions cannot be read");
    return extensions;
}

WebSocketAnswer answer_websocket_extensions(const std::vector<WebSocketExtension>& offers, const WebSocketDeflate& most) {
    for (const WebSocketExtension& offer : offers) {
        if (offer.name != deflate_name) continue;
        const std::optional<Parameters> parameters = read_parameters(offer);
        if (!parameters) continue;
        if (std::optional<WebSocketAnswer> answer = answer_offer(*parameters, most)) return *std::move(answer);
    }
    return {};
}

std::string offer_websocket_deflate(const WebSocketDeflate& wanted) {
    std::string header = header_of(wanted) + "; client_max_window_bits";
    if (wanted.client_max_window_bits != largest_window) header += "=" + std::to_string(wanted.client_max_window_bits);
    return header;
}

Result<std::optional<WebSocketDeflate>> check_websocket_extensions(std::string_view answer,
                                                                   const std::optional<WebSocketDeflate>& offered) {
    const auto extensions = parse_websocket_extensions(answer);
    if (!extensions) return extensions.error();
    if (extensions.value().empty()) return std::optional<WebSocketDeflate>();
    if (!offered || extensions.value().size() > 1 || extensions.value().front().name != deflate_name)
        return remote_fault("the server chose an extension that was not offered");
    const std::optional<Parameters> granted = read_parameters(extensions.value().front());
    if (!granted) return remote_fault("the server answered with parameters of permessage-deflate that there are not");

    const bool forgets = granted->server_no_context_takeover || !offered->server_no_context_takeover;
    const int server_bits = granted->server_max_window_bits ? *granted->server_max_window_bits->bits : largest_window;
    if (!forgets || server_bits > offered->server_max_window_bits) return remote_fault("the server did not take what was offered");
    int client_bits = offered->client_max_window_bits;
    if (granted->client_max_window_bits) {
        const std::optional<int> bits = granted->client_max_window_bits->bits;
        if (!bits || *bits > client_bits) return remote_fault("the server did not take what was offered");
        client_bits = *bits;
    }
    // A side may always forget; that we said we might is kept.
    return std::optional(WebSocketDeflate{granted->server_no_context_takeover,
                                          granted->client_no_context_takeover || offered->client_no_context_takeover, server_bits,
                                          client_bits});
}

}  // namespace tidemill
