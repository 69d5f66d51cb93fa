#include "bindings/http_client.h"

#include <charconv>

#include "bindings/http_fields.h"

namespace tidemill::script {
namespace {

constexpr std::string_view make = "make an HTTP client";

[[noreturn]] void refuse_option(Bytes name, std::string_view why) {
    throw Failure{make_error(ErrorCode::argument, make, {}, std::string(name) + " " + std::string(why))};
}

double number_of(Bytes name, Bytes value) {
    double number = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (problem != std::errc{} || end != value.data() + value.size()) refuse_option(name, "must be a number");
    return number;
}

template <class Whole>
void set_count(Whole& place, Bytes name, Bytes value) {
    const double number = number_of(name, value);
    if (!(number >= 0 && number <= 9e15) || number != static_cast<double>(static_cast<std::int64_t>(number)))
        refuse_option(name, "must be a whole number of 0 or more");
    place = static_cast<Whole>(number);
}

void set_time(Duration& place, Bytes name, Bytes value) {
    place = seconds_to_duration(number_of(name, value), make);
}

// 0 for none: so late that it never comes.
void set_deadline(Duration& place, Bytes name, Bytes value) {
    set_time(place, name, value);
    if (place.count() == 0) place = limits::longest_time;
}

void set_option(HttpClientOptions& options, Bytes name, Bytes value) {
    if (name == "connect_timeout")
        set_time(options.connect_timeout, name, value);
    else if (name == "response_timeout")
        set_deadline(options.limits.first_octet, name, value);
    else if (name == "idle_timeout")
        set_deadline(options.limits.body_progress, name, value);
    else if (name == "total_timeout")
        set_time(options.total_timeout, name, value);
    else if (name == "per_origin")
        set_count(options.per_origin, name, value);
    else if (name == "max_connections")
        set_count(options.connections, name, value);
    else if (name == "max_waiting")
        set_count(options.queue, name, value);
    else if (name == "keep_alive")
        set_time(options.keeps, name, value);
    else if (name == "redirects")
        set_count(options.redirects, name, value);
    else if (name == "leave_tls")
        options.may_leave_tls = value == "1";
    else if (name == "decompress")
        options.decompresses = value == "1";
    else if (name == "max_body")
        set_count(options.reply, name, value);
    else if (name == "proxy")
        options.proxy = value;
    else if (name == "proxy_authorization")
        options.proxy_authorization = value;
    else if (name == "connect_to")
        options.connect_to = value;
    else if (name == "user_agent")
        options.user_agent = value;
    else
        refuse_option(name, "is no option");
}

HttpClientOptions options_of(Bytes text) {
    HttpClientOptions options;
    while (!text.empty()) {
        const Bytes line = text.substr(0, text.find('\0'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t end = line.find('=');
        if (end == Bytes::npos) refuse_option(line, "is no option");
        set_option(options, line.substr(0, end), line.substr(end + 1));
    }
    return options;
}

// Hands a request's callbacks on to the script's object.
class ScriptExchange final : public HttpExchangeHandler {
public:
    ScriptExchange(Host& host, Ticket ticket, std::shared_ptr<HttpClientCore::Exchanges> exchanges)
        : host_(host), ticket_(ticket), exchanges_(std::move(exchanges)), object_(host, ticket) {}
    ~ScriptExchange() override { exchanges_->erase(ticket_); }

    void on_interim(HttpExchange& exchange, const HttpHead& head) override { tell_head(exchange, Event::_on_interim, head); }
    void on_response(HttpExchange& exchange, const HttpHead& head) override { tell_head(exchange, Event::_on_head, head); }
    void on_body(HttpExchange& exchange, Bytes data) override { tell(exchange, Event::_on_body, {Value::octets(data)}); }
    void on_drain(HttpExchange& exchange) override { tell(exchange, Event::on_drain, {}); }
    void on_end(HttpExchange& exchange, HttpFields trailers) override {
        tell(exchange, Event::_on_body_end, {Value::words(as_text(trailers))});
    }
    void on_failure(HttpExchange& exchange, const Error& error) override { tell(exchange, Event::_on_failure, {Value::failure(error)}); }

    void reply(HttpReply& reply, HttpExchange& exchange) {
        std::vector<HttpField> fields;
        for (const auto& [name, value] : reply.fields) fields.push_back({name, value});
        tell(exchange, Event::_on_reply,
             {Value::number(reply.status), Value::words(reply.reason), Value::words(reply.minor_version == 0 ? "1.0" : "1.1"),
              Value::words(as_text(fields)), Value::words(reply.url), Value::number(reply.redirected), Value::octets(reply.body)});
    }

private:
    void tell_head(HttpExchange& exchange, Event event, const HttpHead& head) {
        const std::string url = exchange.url().text();
        tell(exchange, event,
             {Value::number(head.status), Value::words(head.reason), Value::words(head.minor_version == 0 ? "1.0" : "1.1"),
              Value::words(as_text(head.fields)), Value::words(url), Value::number(exchange.redirected())});
    }

    void tell(HttpExchange& exchange, Event event, std::initializer_list<Value> arguments) {
        if (!object_.emit(event, arguments) && !host_.was_leaving()) exchange.cancel();
    }

    Host& host_;
    Ticket ticket_;
    std::shared_ptr<HttpClientCore::Exchanges> exchanges_;
    ScriptObject object_;
};

// The same in one piece.
class GatheringExchange final : public HttpExchangeHandler {
public:
    GatheringExchange(std::unique_ptr<ScriptExchange> object, std::size_t limit)
        : object_(std::move(object)), collector_(limit, [this](HttpReply* reply, const Error&) { reply_ = reply; }) {}

    void on_response(HttpExchange& exchange, const HttpHead& head) override { collector_.on_response(exchange, head); }
    void on_body(HttpExchange& exchange, Bytes data) override { collector_.on_body(exchange, data); }
    void on_drain(HttpExchange& exchange) override { object_->on_drain(exchange); }
    void on_failure(HttpExchange& exchange, const Error& error) override { object_->on_failure(exchange, error); }
    void on_end(HttpExchange& exchange, HttpFields trailers) override {
        collector_.on_end(exchange, trailers);
        object_->reply(*reply_, exchange);
    }

private:
    std::unique_ptr<ScriptExchange> object_;
    HttpReply* reply_ = nullptr;
    HttpCollector collector_;
};

}  // namespace

HttpClientCore::HttpClientCore(ReactorCore& core, Bytes options, TlsCore* tls, CookieJarCore* cookies) : host_(core.host()) {
    HttpClientOptions chosen = options_of(options);
    chosen.tls = context_of(tls);
    if (cookies != nullptr) chosen.cookies = cookies->jar_for(core, make);
    chosen.wall_clock = core.wall_clock();
    client_ = std::make_unique<HttpClient>(core.reactor(), std::move(chosen));
    if (const Error& error = client_->unusable(); error.is_set()) {
        Error copied = error;
        client_.reset();
        throw Failure{std::move(copied)};
    }
}

HttpClientCore::~HttpClientCore() = default;

void HttpClientCore::request(Bytes method, Bytes url, Bytes fields, int count, Octets body, bool is_streamed, bool is_gathered,
                             double timeout, int redirects, std::int64_t object) {
    HttpClientRequest asked{.method = std::string(method), .url = std::string(url), .is_streamed = is_streamed, .redirects = redirects};
    if (timeout >= 0) asked.total_timeout = seconds_to_duration(timeout, "request");
    const Fields parts(fields, count, "request");
    for (const HttpField& field : parts.get()) asked.fields.emplace_back(field.name, field.value);
    asked.body = body.bytes;
    if (!client_->is_there()) throw Failure{make_error(ErrorCode::state, "request", url, "the reactor is gone")};
    auto told = std::make_unique<ScriptExchange>(host_, object, exchanges_);
    std::unique_ptr<HttpExchangeHandler> chosen;
    if (is_gathered)
        chosen = std::make_unique<GatheringExchange>(std::move(told), client_->reply_limit());
    else
        chosen = std::move(told);
    Result<std::shared_ptr<HttpExchange>> made = client_->request(std::move(asked), std::move(chosen));
    if (!made) throw Failure{made.error()};
    (*exchanges_)[object] = made.value();
}

std::shared_ptr<HttpExchange> HttpClientCore::find(std::int64_t object) const {
    const auto found = exchanges_->find(object);
    return found == exchanges_->end() ? nullptr : found->second.lock();
}

bool HttpClientCore::write(std::int64_t object, Octets data) {
    const auto exchange = find(object);
    if (!exchange) throw Failure{make_error(ErrorCode::closed, "write", {}, "the request is over")};
    const WriteResult written = exchange->write(data.bytes);
    if (written.has_failed()) throw Failure{exchange->error()};
    return written.is_flowing();
}

void HttpClientCore::finish(std::int64_t object) {
    const auto exchange = find(object);
    if (!exchange) throw Failure{make_error(ErrorCode::closed, "finish", {}, "the request is over")};
    if (exchange->finish().has_failed()) throw Failure{exchange->error()};
}

void HttpClientCore::cancel(std::int64_t object) {
    if (const auto exchange = find(object)) exchange->cancel();
}

void HttpClientCore::pause(std::int64_t object) {
    if (const auto exchange = find(object)) exchange->pause();
}

void HttpClientCore::resume(std::int64_t object) {
    if (const auto exchange = find(object)) exchange->resume();
}

bool HttpClientCore::is_over(std::int64_t object) {
    const auto exchange = find(object);
    return !exchange || exchange->is_over();
}

std::uint64_t HttpClientCore::connections() {
    return client_->open();
}

std::uint64_t HttpClientCore::waiting() {
    return client_->waiting();
}

void HttpClientCore::close() {
    client_->close();
}

}  // namespace tidemill::script
