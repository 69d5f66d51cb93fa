#include "bindings/http.h"

#include "bindings/http_fields.h"
#include "bindings/http_head.h"
#include "tidemill/serve/http_connection.h"
#include "tidemill/serve/http_log.h"
#include "tidemill/serve/websocket_connection.h"
#include "tidemill/sys/file.h"

namespace tidemill::script {
namespace {

// Tells the object that it is the protocol of.
class ScriptHttp final : public HttpConnection, public Protocol {
public:
    ScriptHttp(ScriptHandler& object, bool has_log, HeadStyle style, const HttpServerOptions& options)
        : HttpConnection(options), object_(object), has_log_(has_log), style_(style) {}

    DriverBase& driver() override { return *this; }
    Result<WriteResult> write_frame(Connection& connection, Bytes) override {
        return make_error(ErrorCode::state, "write", connection.peer(), "HTTP is written by its requests");
    }

    void on_request(HttpRequest& request) override {
        if (style_ != HeadStyle::none) {
            const HeadForApp head(request, style_);
            return tell(request, Event::_on_head,
                        {Value::number(static_cast<std::int64_t>(request.number())), Value::words(request.method()),
                         Value::words(request.target()), Value::number(head.flags()), head.fields()});
        }
        tell(request, Event::_on_request,
             {Value::number(static_cast<std::int64_t>(request.number())), Value::words(request.method()), Value::words(request.target()),
              Value::flag(request.has_body())});
    }
    void on_body(HttpRequest& request, Bytes data) override { tell(request, Event::_on_body, {Value::octets(data)}); }
    void on_body_end(HttpRequest& request) override { tell(request, Event::_on_body_end, {}); }
    void on_response_drain(HttpRequest& request) override { tell(request, Event::_on_response_drain, {}); }
    void on_response(HttpRequest& request, int status, std::uint64_t octets, Duration time) override {
        if (!has_log_) return;
        const double seconds = std::chrono::duration<double>(time).count();
        tell(request, Event::_on_response,
             {Value::number(status), Value::number(static_cast<std::int64_t>(octets)), Value::seconds(seconds),
              Value::flag(request.is_cut())});
    }
    void on_refusal(Connection&, int status, const Error& why) override {
        if (!object_.offer(Event::_on_refusal, {Value::number(status), Value::failure(why)})) object_.raised();
    }
    void collected(HttpRequest& request, Bytes body) { tell(request, Event::_on_collected, {Value::octets(body)}); }

private:
    // Before the exception goes its way, which may end the connection, the peer is answered.
    void tell(HttpRequest& request, Event event, std::initializer_list<Value> arguments) {
        if (object_.offer(event, arguments)) return;
        request.fail();
        object_.raised();
    }

    ScriptHandler& object_;
    bool has_log_;
    HeadStyle style_;
};

Error no_request(const ScriptHandler& handler) {
    const bool is_open = handler.connection() != nullptr;
    return make_error(is_open ? ErrorCode::state : ErrorCode::closed, "respond", is_open ? handler.connection()->peer() : std::string{},
                      is_open ? "the request is over" : "the connection is closed");
}

HttpRequest& find(ScriptHandler& handler, std::uint64_t number) {
    Connection* connection = handler.connection();
    if (connection != nullptr) {
        if (Result<void> usable = connection->reactor().check_usable("respond"); !usable) throw Failure{usable.error()};
        auto* protocol = dynamic_cast<ScriptHttp*>(handler.protocol());
        HttpRequest* request = protocol == nullptr ? nullptr : protocol->request();
        if (request != nullptr && request->number() == number) return *request;
    }
    throw Failure{no_request(handler)};
}

bool check(const HttpRequest& request, WriteResult written) {
    if (written.has_failed()) throw Failure{request.error()};
    return written.is_flowing();
}

}  // namespace

std::unique_ptr<Protocol> make_http(ScriptHandler& handler, const ProtocolOptions& options) {
    HttpServerOptions server;
    server.adds_date = options.number("adds_date") != 0;
    server.limits.section = options.number("max_header");
    server.limits.body = options.number("max_body");
    server.limits.requests = options.number("max_requests");
    return std::make_unique<ScriptHttp>(handler, options.number("has_log") != 0, head_style(options.word("heads")), server);
}

Bytes http_fields(ScriptHandler& handler, std::uint64_t request) {
    return as_text(find(handler, request).fields());
}

Bytes http_trailers(ScriptHandler& handler, std::uint64_t request) {
    return as_text(find(handler, request).trailers());
}

Bytes http_header(ScriptHandler& handler, std::uint64_t request, Bytes name) {
    const HttpField* field = find(handler, request).head().find(name);
    if (field == nullptr) return {};
    thread_local std::string text;
    text.assign("=").append(field->value);
    return text;
}

Bytes http_version(ScriptHandler& handler, std::uint64_t request) {
    return find(handler, request).minor_version() == 0 ? "1.0" : "1.1";
}

bool http_is_answered(ScriptHandler& handler, std::uint64_t request) {
    auto* protocol = handler.connection() == nullptr ? nullptr : dynamic_cast<ScriptHttp*>(handler.protocol());
    const HttpRequest* found = protocol == nullptr ? nullptr : protocol->request();
    return found == nullptr || found->number() != request || found->is_answered();
}

bool http_respond(ScriptHandler& handler, std::uint64_t request, int status, Bytes fields, int count, Octets body) {
    HttpRequest& found = find(handler, request);
    return check(found, found.respond(status, Fields(fields, count).get(), body.bytes));
}

bool http_start(ScriptHandler& handler, std::uint64_t request, int status, Bytes fields, int count) {
    HttpRequest& found = find(handler, request);
    return check(found, found.start(status, Fields(fields, count).get()));
}

bool http_write(ScriptHandler& handler, std::uint64_t request, Octets data) {
    HttpRequest& found = find(handler, request);
    return check(found, found.write(data.bytes));
}

bool http_finish(ScriptHandler& handler, std::uint64_t request, Bytes trailers, int count) {
    HttpRequest& found = find(handler, request);
    return check(found, found.finish(Fields(trailers, count).get()));
}

bool http_start_events(ScriptHandler& handler, std::uint64_t request, Bytes fields, int count) {
    HttpRequest& found = find(handler, request);
    return check(found, found.start_events(Fields(fields, count).get()));
}

bool http_send_event(ScriptHandler& handler, std::uint64_t request, Bytes data, Bytes event, Bytes id, double retry) {
    HttpRequest& found = find(handler, request);
    const Duration wait = retry < 0 ? Duration{-1} : seconds_to_duration(retry, "send_event");
    return check(found, found.send_event({.data = data, .event = event, .id = id, .retry = wait}));
}

bool http_ping(ScriptHandler& handler, std::uint64_t request) {
    HttpRequest& found = find(handler, request);
    return check(found, found.ping());
}

void http_respond_continue(ScriptHandler& handler, std::uint64_t request) {
    HttpRequest& found = find(handler, request);
    check(found, found.respond_continue());
}

bool http_respond_file(ScriptHandler& handler, std::uint64_t request, int status, Bytes fields, int count, Bytes path) {
    HttpRequest& found = find(handler, request);
    Result<File> opened = open_file(std::string(path));
    if (!opened) throw Failure{opened.error()};
    const std::uint64_t size = opened.value().size;
    return check(found, found.respond_file(status, Fields(fields, count).get(), std::move(opened).value(), path, 0, size));
}

void http_fail(ScriptHandler& handler, std::uint64_t request) {
    find(handler, request).fail();
}

void http_compress(ScriptHandler& handler, std::uint64_t request) {
    find(handler, request).compress();
}

void http_pause(ScriptHandler& handler, std::uint64_t request) {
    find(handler, request).pause();
}

void http_resume(ScriptHandler& handler, std::uint64_t request) {
    find(handler, request).resume();
}

void http_collect(ScriptHandler& handler, std::uint64_t request, std::int64_t limit) {
    HttpRequest& found = find(handler, request);
    auto* protocol = static_cast<ScriptHttp*>(handler.protocol());
    found.collect([protocol](HttpRequest& whole, Bytes body) { protocol->collected(whole, body); },
                  limit < 0 ? limits::http_collect : static_cast<std::size_t>(limit));
}

bool http_upgrade(ScriptHandler& handler, std::uint64_t request, ScriptHandler& next, int status, Bytes fields, int count) {
    HttpRequest& found = find(handler, request);
    if (!next.is_free())
        throw Failure{make_error(ErrorCode::state, "upgrade", found.connection().peer(), "this connection object is in use already")};
    const Fields with(fields, count);
    next.set_host(*handler.host());
    HandlerPtr owned(&next);
    if (auto* socket = dynamic_cast<WebSocketConnection*>(next.protocol()))
        return check(found, upgrade_websocket(found, *socket, std::move(owned), with.get()));
    return check(found, found.upgrade(std::move(owned), with.get(), status));
}

Bytes http_log_line(ScriptHandler& handler, std::uint64_t request, int status, std::uint64_t octets) {
    thread_local std::string line;
    line = combined_log_line(find(handler, request), status, octets);
    return line;
}

int HttpHostsCore::add(Bytes host) {
    const int number = numbers_.try_emplace(std::string(host), static_cast<int>(numbers_.size()) + 1).first->second;
    hosts_.add(host, [this, number](HttpRequest&) { chosen_ = number; });
    return number;
}

int HttpHostsCore::choose(ScriptHandler& handler, std::uint64_t request) {
    chosen_ = 0;
    hosts_.serve(find(handler, request));
    return chosen_;
}

AccessLogCore::AccessLogCore(Bytes path) {
    Result<AccessLog> opened = AccessLog::open(std::string(path));
    if (!opened) throw Failure{opened.error()};
    log_.emplace(std::move(opened).value());
}

bool AccessLogCore::add(ScriptHandler& handler, std::uint64_t request, int status, std::uint64_t octets) {
    return log_->add(find(handler, request), status, octets);
}

void AccessLogCore::reopen() {
    if (Result<void> opened = log_->reopen(); !opened) throw Failure{opened.error()};
}

void AccessLogCore::close() {
    log_->close();
}

StaticFilesCore::StaticFilesCore(Bytes folder, Bytes index, Bytes cache_control) {
    Result<StaticFiles> opened =
        StaticFiles::open(std::string(folder), {.index = std::string(index), .cache_control = std::string(cache_control)});
    if (!opened) throw Failure{opened.error()};
    files_ = std::make_unique<StaticFiles>(std::move(opened).value());
}

void StaticFilesCore::serve(ScriptHandler& handler, std::uint64_t request, Bytes path) {
    HttpRequest& found = find(handler, request);
    files_->serve(found, path.empty() ? found.path() : path);
}

}  // namespace tidemill::script
