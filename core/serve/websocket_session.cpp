#include "tidemill/serve/websocket_session.h"

#include <utility>

#include "tidemill/tls/digest.h"

namespace tidemill {
namespace {

Result<std::string> accept_for(std::string_view key) {
    const Result<std::string> hash = sha1(websocket_accept_input(key));
    if (!hash) return hash.error();
    return base64(hash.value());
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
    return text;
}

}  // namespace

Result<WebSocketAcceptance> WebSocketAcceptance::of(const WebSocketRequest& request, std::string_view protocol,
                                                    const WebSocketConnectionOptions& options) {
    WebSocketAcceptance made;
    const auto offers = parse_websocket_extensions(request.extensions);
    if (!offers) return offers.error();
    Result<std::string> accept = accept_for(request.key);
    if (!accept) return accept.error();
    made.accept_ = std::move(accept).value();
    made.protocol_ = protocol;
    if (options.compresses) {
        WebSocketAnswer answer = answer_websocket_extensions(offers.value(), options.deflate);
        made.deflate_ = answer.deflate;
        made.extensions_ = std::move(answer.header);
    }
    return made;
}

Result<void> WebSocketAcceptance::add_field(const HttpField& field) {
    if (Result<void> checked = check_websocket_answer_field(field); !checked) return checked;
    more_.emplace_back(field.name, field.value);
    return {};
}

std::vector<HttpField> WebSocketAcceptance::fields() const {
    std::vector<HttpField> all = websocket_answer_fields(accept_, protocol_, extensions_);
    for (const auto& [name, value] : more_) all.push_back({name, value});
    return all;
}

// ---- how it begins ----

void WebSocketSession::listen(Duration timeout) {
    timeout_ = timeout;
    http_ = std::make_unique<HttpEngine>(HttpRole::server);
}

Result<void> WebSocketSession::ask(const WebSocketConnectionOptions& options, std::string_view host, RandomSource& random) {
    role_ = WebSocketRole::client;
    timeout_ = options.handshake_timeout;
    http_ = std::make_unique<HttpEngine>(HttpRole::client);
    char octets[16];
    if (!random.fill(octets, sizeof octets)) return make_error(ErrorCode::os, "handshake", {}, "there are no random octets");
    const std::string key = base64({octets, sizeof octets});
    Result<std::string> accept = accept_for(key);
    if (!accept) return accept.error();
    asked_ = std::make_unique<Asked>();
    asked_->accept = std::move(accept).value();
    asked_->protocols = options.protocols;
    if (options.compresses) asked_->deflate = options.deflate;
    asked_->options = options.frames;
    asked_->options.random = &random;
    const std::string protocols = joined(options.protocols);
    const std::string extensions = options.compresses ? offer_websocket_deflate(options.deflate) : std::string();
    std::vector<HttpField> fields = websocket_request_fields(key, protocols, extensions, options.origin);
    fields.insert(fields.begin(), {"Host", host});
    for (const auto& [name, value] : options.fields) fields.push_back({name, value});
    return http_->request({.method = "GET", .target = options.path, .fields = fields}, {});
}

void WebSocketSession::open(WebSocketRole role, const WebSocketOptions& options) {
    role_ = role;
    options_ = options;
    frames_ = std::make_unique<WebSocketEngine>(role, options);
    is_opened_due_ = true;
}

void WebSocketSession::accept(const WebSocketAcceptance& acceptance, const WebSocketOptions& options) {
    acceptance_ = acceptance;
    options_ = options;
    options_.deflate = acceptance.deflate();
}

void WebSocketSession::reject(int status) {
    acceptance_.reset();
    is_rejected_ = true;
    respond(status, "the WebSocket was refused\n");
}

// ---- Engine ----

void WebSocketSession::feed(Bytes octets) {
    frames_ ? frames_->feed(octets) : http_->feed(octets);
}

void WebSocketSession::keep() {
    if (frames_) return frames_->keep();
    if (http_) http_->keep();
}

void WebSocketSession::finish() {
    if (frames_) return frames_->finish();
    if (http_) http_->finish();
}

Bytes WebSocketSession::leftover() const {
    return frames_ ? frames_->leftover() : http_ ? http_->leftover() : Bytes();
}

void WebSocketSession::drop_leftover() {
    if (frames_) return frames_->drop_leftover();
    if (http_) http_->drop_leftover();
}

Step WebSocketSession::next() {
    if (error_.is_set()) return Step::failed;
    if (!frames_) return next_of_handshake();
    if (std::exchange(is_opened_due_, false)) {
        event_ = {.kind = Event::Kind::opened};
        return Step::event;
    }
    const Step step = frames_->next();
    if (step == Step::event) event_ = {.kind = Event::Kind::frames, .frames = &frames_->event()};
    const bool is_quiet = step == Step::need_more || step == Step::ended;
    return is_quiet && frames_->is_done() ? tell_done(step) : step;
}

TimePoint WebSocketSession::tick(TimePoint now) {
    if (frames_) return frames_->tick(now);
    if (since_ == TimePoint::max()) since_ = now;
    now_ = now;
    if (error_.is_set() || timeout_ == Duration::zero()) return TimePoint::max();
    if (now < since_ + timeout_) return since_ + timeout_;
    if (role_ == WebSocketRole::server) respond(408, "no opening handshake in time\n");
    limit_ = WebSocketLimit::handshake;
    fail(ErrorCode::timeout, "the opening handshake took too long");
    return TimePoint::max();
}

// ---- the handshake ----

Step WebSocketSession::next_of_handshake() {
    if (!http_) return Step::need_more;
    while (true) {
        const Step step = http_->next();
        if (step == Step::event) {
            if (const std::optional<Step> told = take(http_->event())) return *told;
            continue;
        }
        if (step == Step::failed) return fail(http_->error().code, http_->error().detail);
        if (step != Step::ended) return step;
        if (http_->is_switched()) return begin_frames();
        if (is_rejected_) return tell_done(step);
        return fail(ErrorCode::remote_protocol, "the stream ended before the opening handshake");
    }
}

std::optional<Step> WebSocketSession::take(const HttpEvent& event) {
    if (event.kind == HttpEvent::Kind::head && role_ == WebSocketRole::server) return take_request(event.head);
    if (event.kind == HttpEvent::Kind::head) return take_answer(event.head);
    if (event.kind == HttpEvent::Kind::end) return take_end();
    return {};
}

Step WebSocketSession::take_request(const HttpHead& head) {
    request_ = read_websocket_request(head.method, head.minor_version, head.fields);
    if (request_.status != 101) return refuse_request(request_.status, request_.problem);
    if (head.framing.kind == HttpFraming::Kind::chunked || head.framing.length > 0)
        return refuse_request(400, "a request for a WebSocket with a body");
    event_ = {.kind = Event::Kind::handshake, .head = &head, .request = &request_};
    return Step::event;
}

std::optional<Step> WebSocketSession::take_answer(const HttpHead& head) {
    const Result<WebSocketGrant> grant = read_websocket_answer(head.status, head.fields, asked_->accept, asked_->protocols);
    if (!grant) return fail(grant.error().code, grant.error().detail);
    const auto deflate = check_websocket_extensions(grant.value().extensions, asked_->deflate);
    if (!deflate) return fail(deflate.error().code, deflate.error().detail);
    protocol_ = grant.value().protocol;
    options_ = asked_->options;
    options_.deflate = deflate.value();
    return {};
}

// The request is whole; 101 can be said now.
std::optional<Step> WebSocketSession::take_end() {
    if (!acceptance_) return {};
    protocol_ = acceptance_->protocol();
    const std::vector<HttpField> fields = acceptance_->fields();
    if (Result<void> done = http_->respond_head({.status = 101, .fields = fields}); !done)
        return fail(done.error().code, done.error().detail);
    acceptance_.reset();
    return {};
}

Step WebSocketSession::begin_frames() {
    const std::string rest(http_->leftover());
    open(role_, options_);
    frames_->output() = std::move(http_->output());
    http_.reset();
    asked_.reset();
    frames_->tick(now_);
    frames_->feed(rest);
    frames_->keep();
    return next();
}

// Both have said good-bye, or the server has refused.
Step WebSocketSession::tell_done(Step otherwise) {
    if (std::exchange(is_done_, true)) return otherwise;
    event_ = {.kind = Event::Kind::done};
    return Step::event;
}

void WebSocketSession::respond(int status, std::string_view body) {
    std::vector<HttpField> fields{{"Content-Type", "text/plain"}};
    if (status == 426) fields.insert(fields.end(), {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", "13"}});
    if (status == 405) fields.push_back({"Allow", "GET"});
    // Where the request is not even a head yet this fails, and nothing is said.
    static_cast<void>(http_->respond({.status = status, .fields = fields, .is_last = true}, body));
}

Step WebSocketSession::refuse_request(int status, std::string_view why) {
    respond(status, std::string(why) + "\n");
    return fail(ErrorCode::remote_protocol, why);
}

Step WebSocketSession::fail(ErrorCode code, std::string_view detail) {
    error_ = make_error(code, "handshake", {}, detail);
    if (http_) http_->drop_leftover();
    return Step::failed;
}

}  // namespace tidemill
