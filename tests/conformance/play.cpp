// The shortest complete example of the C++ API: the handler class, then the verbs.
#include "play.h"

#include <tidemill/tidemill.h>

#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <regex>
#include <sstream>
#include <stop_token>
#include <thread>

#include "trace.h"

namespace conformance {

using tidemill::Bytes, tidemill::Connection, tidemill::Datagram, tidemill::Duration, tidemill::Error, tidemill::ErrorCode,
    tidemill::Listener, tidemill::Result;

// The library answered with an error.
struct Refused : std::runtime_error {
    explicit Refused(Error reason) : std::runtime_error(reason.text()), error(std::move(reason)) {}
    Error error;
};

template <class T>
static T value_of(Result<T> result) {
    if (!result) throw Refused(result.error());
    if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

static std::string message_of(const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& error) {
        return error.what();
    }
}

// -- The handler class -------------------------------------------------------------------------------------------------

// What a name stands for. The reactor holds it through the handler, the factory or the task that was given for it.
struct Entity {
    enum class Kind {
        connection,
        datagram,
        process,
        watch,
        listener,
        task,
        reactor,
        deferred,
        channel,
        subscription,
        queue,
        client,
        jar,
        exchange,
        hosts,
        log,
        files
    };

    Kind kind;
    std::string name;
    Connection* connection = nullptr;  // while there is one: it ends with on_close
    Datagram* datagram = nullptr;      // likewise
    tidemill::SourceId source = 0;     // of a process or watch
    bool is_over = false;              // on_close has been
    bool is_writable = true;           // what the last write answered
    tidemill::SourceId listener = 0;
    tidemill::Timer timer = {};
    std::optional<tidemill::Deferred<std::string>> deferred = {};
    std::optional<tidemill::Channel<std::string>> channel = {};
    std::optional<tidemill::Queue<std::string>> queue = {};
    tidemill::Subscription subscription = {};
    std::shared_ptr<tidemill::HttpClient> client = {};
    std::shared_ptr<tidemill::CookieJar> jar = {};
    std::shared_ptr<tidemill::HttpHosts> hosts = {};
    std::shared_ptr<tidemill::StaticFiles> files = {};
    std::shared_ptr<tidemill::AccessLog> log = {};
};
using EntityPtr = std::shared_ptr<Entity>;

// The play, as a handler knows it.
class Witness {
public:
    // A callback came. otherwise: what to do in it unless the scenario reacts to it.
    virtual void seen(const EntityPtr& me, const std::string& event, Bytes detail = {}, const std::function<void()>& otherwise = {},
                      std::string_view whose = {}) = 0;
    virtual bool reacts(const std::string& name, const std::string& event) const = 0;

protected:
    ~Witness() = default;
};

// How a scenario writes it.
static std::string reason_text(const Error& reason) {
    const std::string code(reason.is_set() ? code_name(reason.code) : "ok");
    return reason.code == ErrorCode::os ? code + " " + std::string(tidemill::errno_name(reason.os)) : code;
}

// Tells the play of every callback.
template <class Base>
class RecorderOf : public Base {
public:
    template <class... Options>
    RecorderOf(Witness& play, EntityPtr me, Options... options) : Base(options...), play_(play), me_(std::move(me)) {}
    ~RecorderOf() override { me_->connection = nullptr; }

    // An ordinary handler has no need of this; but a scenario may use a connection before its on_open.
    void attached(Connection& connection) override { me_->connection = &connection; }

    void on_open(Connection&) override { play_.seen(me_, "on_open"); }
    void on_data(Connection&, Bytes octets) override { play_.seen(me_, "on_data", octets); }
    void on_drain(Connection&) override { play_.seen(me_, "on_drain"); }
    void on_shutdown(Connection&) override { play_.seen(me_, "on_shutdown"); }
    void on_tls(Connection&, const tidemill::TlsInfo& info) override {
        if (play_.reacts(me_->name, "on_tls")) play_.seen(me_, "on_tls", info.peer_subject);
    }
    void on_end(Connection& connection) override {
        play_.seen(me_, "on_end", {}, [&] { Base::on_end(connection); });
    }
    void on_proxy_end(Connection&, const Error& reason) override { play_.seen(me_, "on_proxy_end", reason_text(reason)); }
    void on_close(Connection&, const Error& reason) override { play_.seen(me_, "on_close", reason_text(reason)); }
    bool on_error(Connection& connection, const std::exception_ptr& exception) override {
        if (!play_.reacts(me_->name, "on_error")) return Base::on_error(connection, exception);
        play_.seen(me_, "on_error", message_of(exception));
        return true;
    }

protected:
    Witness& play_;
    const EntityPtr me_;
};
using Recorder = RecorderOf<tidemill::Handler>;

// The same for what protocols tell.
class Lines : public RecorderOf<tidemill::LineConnection> {
public:
    using RecorderOf::RecorderOf;
    void on_line(Connection&, Bytes line) override { play_.seen(me_, "on_line", line); }
    void on_text(Connection&, Bytes text) override { play_.seen(me_, "on_text", text); }
};

class LineBatches final : public Lines {
public:
    using Lines::Lines;
    void on_lines(Connection& connection, std::span<const Bytes> lines) override {
        for (const Bytes line : lines) on_line(connection, line);
    }
};

template <class Base>
class Messages final : public RecorderOf<Base> {
public:
    using RecorderOf<Base>::RecorderOf;
    void on_message(Connection&, Bytes message) override { this->play_.seen(this->me_, "on_message", message); }
};

class Blocks final : public RecorderOf<tidemill::BlockConnection> {
public:
    using RecorderOf::RecorderOf;
    void on_block(Connection&, Bytes block) override { play_.seen(me_, "on_block", block); }
};

class HeaderContent final : public RecorderOf<tidemill::HeaderContentConnection> {
public:
    using RecorderOf::RecorderOf;
    void on_header(Connection&, std::span<const Bytes> lines) override {
        std::string text;
        for (const Bytes line : lines) text.append(text.empty() ? "" : "\n").append(line);
        play_.seen(me_, "on_header", text);
    }
    void on_content(Connection&, Bytes content) override { play_.seen(me_, "on_content", content); }
};

// The same for what a server of HTTP is told.
class Site final : public RecorderOf<tidemill::HttpConnection> {
public:
    using RecorderOf::RecorderOf;
    void on_request(tidemill::HttpRequest& request) override {
        play_.seen(me_, "on_request", std::string(request.method()) + " " + std::string(request.target()));
    }
    void on_body(tidemill::HttpRequest&, Bytes data) override { play_.seen(me_, "on_body", data); }
    void on_body_end(tidemill::HttpRequest&) override { play_.seen(me_, "on_body_end"); }
    void on_response_drain(tidemill::HttpRequest&) override { play_.seen(me_, "on_response_drain"); }
    void on_response(tidemill::HttpRequest& request, int status, std::uint64_t octets, tidemill::Duration) override {
        status_ = status;
        octets_ = octets;
        play_.seen(me_, "on_response", (request.is_cut() ? "cut " : "") + std::to_string(status) + " " + std::to_string(octets));
    }
    void on_refusal(Connection&, int status, const Error& error) override {
        play_.seen(me_, "on_refusal", std::to_string(status) + " " + std::string(code_name(error.code)));
    }
    void collect(tidemill::HttpRequest& request, std::size_t limit) {
        request.collect([this](tidemill::HttpRequest&, Bytes body) { play_.seen(me_, "on_collected", body); }, limit);
    }
    // In on_response: its line.
    std::string log(tidemill::AccessLog& log) {
        log.add(*request(), status_, octets_);
        return combined_log_line(*request(), status_, octets_) + "\n";
    }

private:
    int status_ = 0;
    std::uint64_t octets_ = 0;
};

// The same for what a WebSocket is told.
class Web final : public RecorderOf<tidemill::WebSocketConnection> {
public:
    using RecorderOf::RecorderOf;
    void on_handshake(Connection&, tidemill::WebSocketHandshake& handshake) override {
        handshake_ = &handshake;
        std::string told = std::string(handshake.target()) + " " + std::string(handshake.origin()) + " ";
        for (const std::string_view protocol : handshake.protocols())
            told.append(protocol == handshake.protocols().front() ? "" : ",").append(protocol);
        play_.seen(me_, "on_handshake", told);
        handshake_ = nullptr;
    }
    void on_text(Connection&, Bytes text) override { play_.seen(me_, "on_text", text); }
    void on_binary(Connection&, Bytes data) override { play_.seen(me_, "on_binary", data); }
    void on_part(Connection&, const tidemill::WebSocketEvent& part) override {
        std::string told = part.is_text ? "text" : "binary";
        told.append(part.is_first ? ",first" : "").append(part.is_last ? ",last" : "").append(" ").append(part.data);
        play_.seen(me_, "on_part", told);
    }
    void on_ping(Connection&, Bytes payload) override { play_.seen(me_, "on_ping", payload); }
    void on_pong(Connection&, Bytes payload) override { play_.seen(me_, "on_pong", payload); }
    void on_shutdown(Connection& connection) override {
        play_.seen(me_, "on_shutdown");
        WebSocketConnection::on_shutdown(connection);
    }

    tidemill::WebSocketHandshake& handshake() {
        if (handshake_ == nullptr) throw Refused(make_error(ErrorCode::state, "handshake"));
        return *handshake_;
    }

private:
    tidemill::WebSocketHandshake* handshake_ = nullptr;
};

// The handler that a scenario means by lines,max_line=4 and the like.
static tidemill::HandlerPtr recorder_for(Witness& play, const EntityPtr& me, const Step& step) {
    const std::string options = step.has("PROTOCOL") ? step["PROTOCOL"] + "," : "";
    const std::string protocol = options.substr(0, options.find(','));
    const auto word = [&](const std::string& name) -> std::optional<std::string> {
        const std::size_t at = options.find("," + name + "=");
        if (at == options.npos) return {};
        const std::size_t from = at + name.size() + 2;
        return options.substr(from, options.find(',', from) - from);
    };
    const auto set = [&](std::size_t& option, const std::string& name) {
        if (word(name)) option = std::stoul(*word(name));
    };
    if (protocol.starts_with("line")) {
        tidemill::LineOptions lines;
        set(lines.max_line, "max_line");
        set(lines.max_text, "max_text");
        if (word("line_ending") == "lf") lines.ending = tidemill::LineEnding::lf;
        if (protocol == "lines") return tidemill::HandlerPtr(new Lines(play, me, lines));
        return tidemill::HandlerPtr(new LineBatches(play, me, lines));
    }
    if (protocol == "messages") {
        tidemill::MessageOptions messages;
        set(messages.max_message, "max_message");
        if (word("length_prefix")) messages.prefix = tidemill::length_prefix_named(*word("length_prefix")).value();
        return tidemill::HandlerPtr(new Messages<tidemill::MessageConnection>(play, me, messages));
    }
    if (protocol == "netstrings") {
        tidemill::NetstringOptions netstrings;
        set(netstrings.max_message, "max_message");
        return tidemill::HandlerPtr(new Messages<tidemill::NetstringConnection>(play, me, netstrings));
    }
    if (protocol == "blocks") {
        std::size_t size = 512;
        set(size, "block_size");
        return tidemill::HandlerPtr(new Blocks(play, me, size));
    }
    if (protocol == "header_content") {
        tidemill::HeaderContentOptions header;
        set(header.max_header, "max_header");
        set(header.max_lines, "max_header_lines");
        set(header.max_content, "max_content");
        return tidemill::HandlerPtr(new HeaderContent(play, me, header));
    }
    if (protocol == "http") {
        tidemill::HttpServerOptions http;
        http.adds_date = false;
        const auto limit = [&](auto& option, const std::string& name) {
            if (word(name)) option = std::stoul(*word(name));
        };
        limit(http.limits.section, "max_header");
        limit(http.limits.body, "max_body");
        limit(http.limits.requests, "max_requests");
        return tidemill::HandlerPtr(new Site(play, me, http));
    }
    if (protocol == "websocket") {
        tidemill::WebSocketConnectionOptions web;
        set(web.frames.message_limit, "max_message");
        set(web.frames.fragment_limit, "max_fragments");
        if (word("compresses")) web.compresses = *word("compresses") != "0";
        if (word("streams")) web.frames.streams = *word("streams") != "0";
        if (word("path")) web.path = *word("path");
        if (word("host")) web.host = *word("host");
        if (word("origin")) web.origin = *word("origin");
        if (word("ping_interval")) web.frames.ping_interval = std::chrono::seconds(std::stoi(*word("ping_interval")));
        if (word("pong_timeout")) web.frames.pong_timeout = std::chrono::seconds(std::stoi(*word("pong_timeout")));
        if (word("handshake_timeout")) web.handshake_timeout = std::chrono::seconds(std::stoi(*word("handshake_timeout")));
        std::istringstream protocols(word("subprotocols").value_or(""));
        for (std::string one; std::getline(protocols, one, '|');) web.protocols.push_back(one);
        return tidemill::HandlerPtr(new Web(play, me, web));
    }
    if (!protocol.empty()) throw Failed("this runner has no protocol " + protocol);
    return tidemill::HandlerPtr(new Recorder(play, me));
}

// The same for datagrams.
class Socket final : public tidemill::DatagramHandler {
public:
    Socket(Witness& play, EntityPtr me) : play_(play), me_(std::move(me)) {}
    ~Socket() override { me_->datagram = nullptr; }

    void on_open(Datagram&) override { play_.seen(me_, "on_open"); }
    void on_data(Datagram&, Bytes octets, std::string_view peer) override { play_.seen(me_, "on_datagram", octets, {}, peer); }
    void on_drain(Datagram&) override { play_.seen(me_, "on_drain"); }
    void on_lost(Datagram&, const Error& error) override { play_.seen(me_, "on_lost", reason_text(error), {}, error.endpoint); }
    void on_close(Datagram&, const Error& reason) override { play_.seen(me_, "on_close", reason_text(reason)); }
    bool on_error(Datagram& datagram, const std::exception_ptr& exception) override {
        if (!play_.reacts(me_->name, "on_error")) return DatagramHandler::on_error(datagram, exception);
        play_.seen(me_, "on_error", message_of(exception));
        return true;
    }

private:
    Witness& play_;
    const EntityPtr me_;
};

// The same for an answer in pieces.
class Exchange final : public tidemill::HttpExchangeHandler {
public:
    Exchange(Witness& play, EntityPtr me) : play_(play), me_(std::move(me)) {}

    void on_interim(tidemill::HttpExchange&, const tidemill::HttpHead& head) override {
        play_.seen(me_, "on_interim", std::to_string(head.status));
    }
    void on_response(tidemill::HttpExchange&, const tidemill::HttpHead& head) override {
        play_.seen(me_, "on_response", std::to_string(head.status));
    }
    void on_body(tidemill::HttpExchange&, Bytes data) override { play_.seen(me_, "on_body", data); }
    void on_end(tidemill::HttpExchange&, tidemill::HttpFields) override { play_.seen(me_, "on_end"); }
    void on_failure(tidemill::HttpExchange&, const Error& error) override { play_.seen(me_, "on_failure", code_name(error.code)); }

private:
    Witness& play_;
    const EntityPtr me_;
};

// The same for processes.
class Child final : public tidemill::ProcessHandler {
public:
    Child(Witness& play, EntityPtr me) : play_(play), me_(std::move(me)) {}

    void on_stdout(tidemill::Process&, Bytes octets) override { play_.seen(me_, "on_data", octets); }
    void on_drain(tidemill::Process&) override { play_.seen(me_, "on_drain"); }
    void on_exit(tidemill::Process&, const tidemill::ExitStatus& status) override {
        const std::string otherwise = status.code ? std::to_string(*status.code) : "unknown";
        play_.seen(me_, "on_exit", status.signal.empty() ? otherwise : status.signal);
    }
    bool on_error(tidemill::Process& process, const std::exception_ptr& exception) override {
        if (!play_.reacts(me_->name, "on_error")) return ProcessHandler::on_error(process, exception);
        play_.seen(me_, "on_error", message_of(exception));
        return true;
    }

private:
    Witness& play_;
    const EntityPtr me_;
};

// -- Play: a scenario, played over one transport with one poller -------------------------------------------------------

// Calls, in a thread of its own, unless it ends before.
class Watch {
public:
    Watch(Duration patience, std::function<void()> call)
        : thread_([patience, call = std::move(call)](const std::stop_token& ended) {
              std::mutex mutex;
              std::unique_lock lock(mutex);
              std::condition_variable_any().wait_for(lock, ended, patience, [] { return false; });
              if (!ended.stop_requested()) call();
          }) {}

private:
    std::jthread thread_;
};

static std::string word_for(bool value) {
    return value ? "true" : "false";
}

// What the map has under the name; it fails the step if there is nothing.
template <class Map>
static auto& found(Map& map, const std::string& name) {
    const auto place = map.find(name);
    if (place == map.end()) throw Failed(name + " is not there");
    return place->second;
}

class Play final : Witness {
public:
    Play(const Scenario& scenario, const std::string& transport, const std::string& poller, const std::string& folder)
        : scenario_(scenario),
          transport_(transport),
          folder_(folder),
          limit_(seconds(scenario.head("limit", "5"))),
          trace_(limit_, [this] { turn(std::chrono::milliseconds{10}); }),
          reactor_({poller, scenario.head("clock", "manual") == "manual" ? &clock_ : nullptr}) {
        entities_["reactor"] = made(Entity::Kind::reactor, "reactor");
    }

    void run() {
        if (reactor_.startup_error().is_set()) throw Refused(reactor_.startup_error());
        for (const Step& step : scenario_.steps()) {
            line_ = step.line;
            perform(step);
        }
        line_ = 0;
        settle();
        trace_.expect_nothing();
    }

    // Of the step under way, or of the reaction that went wrong.
    std::string line() const { return line_ == 0 ? "end" : std::to_string(line_); }

private:
    struct Reaction {
        std::string name, event;
        const Step& action;
    };

    struct Problem {
        int line;
        std::string text;
    };

    void perform(const Step& step) {
        const std::string& verb = step.verb;
        if (verb == "listen") return listen(step);
        if (verb == "connect") return connect(step);
        if (verb == "open_datagram") return open_datagram(step);
        if (verb == "write") return write(step["E"], step["VALUE"], step.has("TO") ? endpoint(step["TO"]) : "");
        if (verb == "echo") return echo();
        if (verb == "write_line" || verb == "write_message" || verb == "write_block") return write_frame(step["E"], step["VALUE"]);
        if (verb == "write_content") return write_content(step);
        if (verb == "set_text") return with_protocol<tidemill::LineConnection>(step["E"]).set_text(length(step));
        if (verb == "set_content") return with_protocol<tidemill::HeaderContentConnection>(step["E"]).set_content(length(step));
        if (verb == "respond" || verb == "start_response" || verb == "write_body" || verb == "finish_response") return respond(step);
        if (verb == "collect") return with_protocol<Site>(step["E"]).collect(request(step["E"]), length(step));
        if (verb == "pause_request") return request(step["E"]).pause();
        if (verb == "compress") return request(step["E"]).compress();
        if (verb == "resume_request") return request(step["E"]).resume();
        if (verb == "finish_with_trailers" || verb == "respond_continue" || verb == "start_events" || verb == "send_event" ||
            verb == "ping_events")
            return respond(step);
        if (verb == "check_request") return same(step["E"], step["TEXT"], property_of(request(step["E"]), step["WORD"]));
        if (verb == "upgrade_to") return upgrade(step);
        if (verb == "static_files" || verb == "serve_file") return files(step);
        if (verb == "http_hosts" || verb == "add_site" || verb == "serve_site") return sites(step);
        if (verb == "access_log" || verb == "log_response" || verb == "logged") return log(step);
        if (verb == "reopen") return value_of(entity(step["E"])->log->reopen());
        if (verb == "close" && entity(step["E"])->kind == Entity::Kind::log) return entity(step["E"])->log->close();
        if (verb == "join") return with_datagram(step, [&](Datagram& datagram) { value_of(datagram.join(step["TO"])); });
        if (verb == "set_multicast_ttl") {
            return with_datagram(step,
                                 [&](Datagram& datagram) { value_of(datagram.set_multicast_ttl(static_cast<int>(step.count("COUNT")))); });
        }
        if (verb == "spawn") return spawn(step);
        if (verb == "close_stdin") return with_process(step["E"], [](tidemill::Process& process) { process.close_stdin(); });
        if (verb == "kill") return with_process(step["E"], [&](tidemill::Process& process) { value_of(process.kill(step["WORD"])); });
        if (verb == "on_signal" || verb == "watch_process" || verb == "watch_file") return watch(step);
        if ((verb == "pause" || verb == "resume") && entity(step["E"])->kind == Entity::Kind::process) {
            return with_process(step["E"], [&](tidemill::Process& process) { verb == "pause" ? process.pause() : process.resume(); });
        }
        if (verb == "close" && entity(step["E"])->kind == Entity::Kind::watch) {
            if (tidemill::Watch* watch = find_watch(reactor_, entity(step["E"])->source)) watch->close();
            return;
        }
        if (verb == "close") return with_stream(step, [](auto& stream) { stream.close(); });
        if (verb == "pause") return with_stream(step, [](auto& stream) { stream.pause(); });
        if (verb == "resume") return with_stream(step, [](auto& stream) { stream.resume(); });
        if (verb == "abort") return abort(step);
        if (verb == "start_tls") return start_tls(step);
        if (verb == "end_write") return end_write(step);
        if (verb == "set_idle_timeout") return with_connection(step, [&](Connection& it) { it.set_idle_timeout(seconds(step["TIME"])); });
        if (verb == "set_close_timeout") return with_connection(step, [&](Connection& it) { it.set_close_timeout(seconds(step["TIME"])); });
        if (verb == "set_output_limit") return set_output_limit(step);
        if (verb == "set_watermarks") return set_watermarks(step);
        if (verb == "make_file") return make_file(step);
        if (verb == "send_file") return send_file(step);
        if (verb == "proxy_to") return proxy_to(step);
        if (verb == "stop_proxy") return with_connection(step, [](Connection& connection) { connection.stop_proxy(); });
        if (verb == "become") return become(step);
        if (verb == "send_text" || verb == "send_binary" || verb == "ping") return send(step);
        if (verb == "close_websocket") return close_websocket(step);
        if (verb == "refuse_handshake")
            return value_of(with_protocol<Web>(step["E"]).handshake().refuse(static_cast<int>(step.count("COUNT"))));
        if (verb == "add_header") return add_header(step);
        if (verb == "choose_subprotocol") return value_of(with_protocol<Web>(step["E"]).handshake().choose(step["WORD"]));
        if (verb == "upgrade") return upgrade(step);
        if (verb == "call_later" || verb == "call_every" || verb == "next_tick" || verb == "post") return schedule(step);
        if (verb == "cancel") return cancel(step);
        if (verb == "deferred") return make_deferred(step["NEW"]);
        if (verb == "follow") return follow(made(Entity::Kind::deferred, step["NEW"]), deferred_of(step));
        if (verb == "succeed") return void(deferred_of(step).succeed(step["TEXT"]));
        if (verb == "fail") return void(deferred_of(step).fail(make_error(code_of(step["CODE"]), "fail")));
        if (verb == "set_timeout") return deferred_of(step).set_timeout(seconds(step["TIME"]));
        if (verb == "defer") return defer(step);
        if (verb == "resolve") return resolve(step);
        if (verb == "http_client") return make_http_client(step);
        if (verb == "fetch") return fetch(step);
        if (verb == "stream") return stream(step);
        if (verb == "cookie_jar") return make_cookie_jar(step["NEW"]);
        if (verb == "set_cookie") return set_cookie(step);
        if (verb == "clear") return entity(step["E"])->jar->clear();
        if (verb == "channel" || verb == "queue") return make_exchange(step);
        if (verb == "subscribe" || verb == "pop") return receive(step);
        if (verb == "publish") return entity(step["E"])->channel.value().publish(step["TEXT"]);
        if (verb == "push") return entity(step["E"])->queue.value().push(step["TEXT"]);
        if (verb == "stop") return reactor_.stop();
        if (verb == "spin") return value_of(reactor_.set_spin(seconds(step["TIME"])));
        if (verb == "drain") return value_of(reactor_.drain(seconds(step["TIME"])));
        if (verb == "run") return run_reactor(step);
        if (verb == "turn") return turns(step.has("COUNT") ? step.count("COUNT") : 1);
        if (verb == "advance") return advance(step);
        if (verb == "error_handler") return set_error_handler(step);
        if (verb == "drop") return drop(step["E"]);
        if (verb == "gone") return expect_gone(step["E"]);
        if (verb == "counted") return counted(step["WORD"], step["COUNT"]);
        if (verb == "check") return check(step["E"], step["WORD"], endpoint(step["ENDPOINT"]));
        if (verb == "fails") return expect_failure(step);
        if (verb == "when") return reactions_.push_back({step["GROUP"], step["EVENT"], step.inner[0]});
        if (verb == "ignore") return trace_.ignore(step["GROUP"], step.has("EVENT") ? step["EVENT"] : "*");
        if (verb == "expect") return expect(step);
        if (verb == "then") return trace_.then(step["E"], resolved(step.inner[0]));
        if (verb != "nothing") throw Failed("this runner has no " + verb);
    }

    void seen(const EntityPtr& me, const std::string& event, Bytes detail, const std::function<void()>& otherwise,
              std::string_view whose = {}) override {
        if ((!is_in_loop_ || (me->is_over && event != "on_error")) && !problem_) {
            problem_ = {line_, me->name + " " + event + " came inside another call, or after on_close"};
        }
        trace_.add(me->name, event, detail, whose);
        me_ = me;
        event_ = event;
        data_ = detail;
        whose_ = whose;
        is_in_loop_ = false;
        if (otherwise && !reacts(me->name, event)) otherwise();
        const std::string* raised = react(me->name, event);
        me_ = nullptr;
        is_in_loop_ = true;
        if (event == "on_close" || event == "on_exit") me->is_over = true;
        if (raised != nullptr) throw std::runtime_error(*raised);
    }

    bool reacts(const std::string& name, const std::string& event) const override { return scenario_.reacts(name, event); }

    // Does what the scenario wants done; answers the text to raise, or nullptr.
    const std::string* react(const std::string& name, const std::string& event) {
        const std::string group = group_of(name);
        for (const Reaction& reaction : reactions_) {
            if (reaction.event != event || (reaction.name != name && reaction.name != group)) continue;
            if (reaction.action.verb == "raise") return &reaction.action["TEXT"];
            try {
                perform(reaction.action);
            } catch (const std::exception& error) {
                if (!problem_) problem_ = {reaction.action.line, "in " + name + " " + event + ": " + error.what()};
            }
        }
        return nullptr;
    }

    // The one way into what may call back.
    template <class Call>
    bool loop(Call call) {
        const bool before = std::exchange(is_in_loop_, true);
        std::exception_ptr raised;
        bool did_something = false;
        try {
            did_something = value_of(call());
        } catch (...) {
            raised = std::current_exception();
        }
        is_in_loop_ = before;
        if (problem_) {
            line_ = problem_->line;
            throw Failed(problem_->text);
        }
        if (raised) std::rethrow_exception(raised);
        return did_something;
    }

    bool turn(Duration at_most = Duration{0}) {
        return loop([&] { return reactor_.run_once(at_most); });
    }

    void turns(std::int64_t count) {
        for (; count > 0; --count) turn();
    }

    void settle() {
        const auto deadline = std::chrono::steady_clock::now() + limit_;
        while (turn()) {
            if (std::chrono::steady_clock::now() > deadline) throw Failed("every turn finds something to do");
        }
    }

    // Names

    static EntityPtr made(Entity::Kind kind, const std::string& name) { return std::make_shared<Entity>(Entity{kind, name}); }

    // given: what the reactor holds. Of a listener or a timer the play holds a handle only, as a user does.
    void keep(const EntityPtr& given) {
        const bool is_handle = given->kind == Entity::Kind::listener || given->kind == Entity::Kind::watch || given->timer.id() != 0;
        entities_[given->name] = is_handle ? std::make_shared<Entity>(*given) : given;
        given_[given->name] = given;
    }

    // What the functions of a deferred or a subscription know has no handle of it, or it would hold itself: the play's own copy has.
    EntityPtr entity(const std::string& name) const {
        if (name != "@" || !me_) return found(entities_, name);
        return me_->kind >= Entity::Kind::deferred ? found(entities_, me_->name) : me_;
    }

    std::string endpoint(std::string text) const {
        if (text.starts_with('@')) return found(endpoints_, text.substr(1));
        if (const std::size_t place = text.find("DIR"); place != text.npos) text.replace(place, 3, folder_);
        return text;
    }

    // Calls nothing if the connection, or the listener, is over.
    template <class Call>
    void with_connection(const Step& step, Call call) {
        const EntityPtr it = entity(step["E"]);
        if (it->kind != Entity::Kind::connection) throw Failed(it->name + " has no " + step.verb);
        if (it->connection != nullptr) call(*it->connection);
    }

    template <class Call>
    void with_datagram(const Step& step, Call call) {
        const EntityPtr it = entity(step["E"]);
        if (it->kind != Entity::Kind::datagram) throw Failed(it->name + " has no " + step.verb);
        if (it->datagram != nullptr) call(*it->datagram);
    }

    template <class Call>
    void with_process(const std::string& name, Call call) {
        const EntityPtr it = entity(name);
        if (it->kind != Entity::Kind::process) throw Failed(it->name + " is no process");
        if (tidemill::Process* process = find_process(reactor_, it->source)) call(*process);
    }

    template <class Call>
    void with_stream(const Step& step, Call call) {
        const EntityPtr it = entity(step["E"]);
        if (it->kind == Entity::Kind::datagram) return with_datagram(step, call);
        if (it->kind != Entity::Kind::listener) return with_connection(step, call);
        if (Listener* listener = find_listener(reactor_, it->listener)) call(*listener);
    }

    // The verbs that are more than a call

    std::string fresh_endpoint() {
        const std::string number = std::to_string(++number_);
        if (transport_ == "tls") return "tls://127.0.0.1:0";
        return transport_ == "tcp" ? "tcp://127.0.0.1:0" : transport_ == "unix" ? "unix://DIR/" + number + ".sock" : "memory://" + number;
    }

    // The TLS context that the name stands for; kept, because sessions live in it.
    std::shared_ptr<tidemill::TlsContext> context(const std::string& name) const {
        static std::map<std::string, std::shared_ptr<tidemill::TlsContext>> contexts;
        const std::string place = folder_ + "/certificates/";
        std::shared_ptr<tidemill::TlsContext>& context = contexts[name];
        if (context) return context;
        tidemill::TlsOptions options{.authorities = place + "ca.pem"};
        const std::string first = name == "sites" ? "server" : name;
        if (name != "none") {
            options.certificate = place + first + ".pem";
            options.private_key = place + first + ".key";
        }
        context = value_of(tidemill::TlsContext::make(options));
        if (name == "sites") value_of(context->add_certificate({place + "other.pem", place + "other.key"}));
        return context;
    }

    void start_tls(const Step& step) {
        with_connection(step, [&](Connection& connection) {
            value_of(connection.start_tls(context(step["CONTEXT"]), step.has("SERVER") ? step["SERVER"] : ""));
        });
    }

    void listen(const Step& step) {
        const EntityPtr me = made(Entity::Kind::listener, step["NEW"]);
        const auto factory = [this, me, &step] {
            const EntityPtr connection = made(Entity::Kind::connection, me->name + std::to_string(++accepted_[me->name]));
            keep(connection);
            return recorder_for(*this, connection, step);
        };
        tidemill::ListenOptions options;
        if (step.has("COUNT")) options.backlog = static_cast<int>(step.count("COUNT"));
        if (step.has("HIGH")) options.max_connections = static_cast<int>(step.count("HIGH"));
        options.reuse_port = step.has("YES") && step["YES"] == "true";
        const std::string where = endpoint(step.has("ENDPOINT") ? step["ENDPOINT"] : fresh_endpoint());
        if (step.has("CONTEXT") || where.starts_with("tls:")) options.tls = context(step.has("CONTEXT") ? step["CONTEXT"] : "server");
        const Listener* listener = value_of(tidemill::listen(reactor_, where, factory, options));
        me->listener = listener->id();
        endpoints_[me->name] = listener->endpoint();
        keep(me);
    }

    void connect(const Step& step) {
        std::string where = endpoint(step.has("E") ? "@" + step["E"] : step["ENDPOINT"]);
        if (step.has("WORD")) where = where.substr(0, where.find(':')) + "://" + step["WORD"] + where.substr(where.rfind(':'));
        tidemill::ConnectOptions options;
        if (step.has("TIME")) options.timeout = seconds(step["TIME"]);
        if (step.has("CONTEXT") || where.starts_with("tls:")) options.tls = context(step.has("CONTEXT") ? step["CONTEXT"] : "none");
        if (step.has("SERVER")) options.server_name = step["SERVER"];
        const EntityPtr me = made(Entity::Kind::connection, step["NEW"]);
        value_of(tidemill::connect(reactor_, where, recorder_for(*this, me, step), options));
        keep(me);
    }

    void open_datagram(const Step& step) {
        const std::string fresh = transport_ == "tcp" ? "udp://127.0.0.1:0" : "unix-datagram://DIR/" + std::to_string(++number_) + ".sock";
        const std::string where = endpoint(step.has("ENDPOINT") ? step["ENDPOINT"] : fresh);
        const std::string peer = step.has("TO") ? endpoint(step["TO"]) : "";
        const EntityPtr me = made(Entity::Kind::datagram, step["NEW"]);
        me->datagram =
            value_of(tidemill::open_datagram(reactor_, where, std::unique_ptr<Socket>(new Socket(*this, me)), {.connect_to = peer}));
        endpoints_[me->name] = me->datagram->local();
        keep(me);
    }

    void spawn(const Step& step) {
        const EntityPtr me = made(Entity::Kind::process, step["NEW"]);
        tidemill::SpawnOptions options;
        options.shell = true;
        if (step.has("WORD")) options.kill_on_stop = step["WORD"];
        me->source =
            value_of(tidemill::spawn(reactor_, {endpoint(step["TEXT"])}, std::unique_ptr<Child>(new Child(*this, me)), options))->id();
        keep(me);
    }

    void watch(const Step& step) {
        const EntityPtr me = made(Entity::Kind::watch, step["NEW"]);
        const auto fired = [this, me](const auto&) { seen(me, "fired", {}, {}); };
        if (step.verb == "on_signal") me->source = value_of(tidemill::on_signal(reactor_, step["WORD"], fired))->id();
        if (step.verb == "watch_process") {
            const tidemill::Process* process = find_process(reactor_, entity(step["E"])->source);
            if (process == nullptr) throw Failed(step["E"] + " is not there");
            me->source = value_of(tidemill::watch_process(reactor_, process->pid(), fired))->id();
        }
        if (step.verb == "watch_file") {
            const auto told = [this, me](std::string_view event, std::string_view) { seen(me, "on_file", event, {}); };
            me->source = value_of(tidemill::watch_file(reactor_, endpoint(step["ENDPOINT"]), told))->id();
        }
        keep(me);
    }

    void write_process(Entity& it, Bytes octets) {
        tidemill::Process* process = find_process(reactor_, it.source);
        if (process == nullptr) throw Refused(make_error(ErrorCode::closed, "write"));
        const tidemill::WriteResult written = process->write(octets);
        if (written.has_failed()) throw Refused(process->write_error(written.code));
        it.is_writable = written.is_flowing();
    }

    void abort(const Step& step) {
        if (entity(step["E"])->kind == Entity::Kind::datagram) return with_datagram(step, [](Datagram& datagram) { datagram.abort(); });
        with_connection(step, [](Connection& connection) { connection.abort(); });
    }

    void write(const std::string& name, Bytes octets, std::string_view to) {
        const EntityPtr it = entity(name);
        if (it->kind == Entity::Kind::datagram) return write_datagram(*it, octets, to);
        if (it->kind == Entity::Kind::process) return write_process(*it, octets);
        if (it->kind != Entity::Kind::connection) throw Failed(it->name + " has no write");
        if (it->connection == nullptr) throw Refused(make_error(ErrorCode::closed, "write"));
        const tidemill::WriteResult written = it->connection->write(octets);
        if (written.has_failed()) throw Refused(it->connection->write_error(written.code));
        it->is_writable = written.is_flowing();
    }

    // The connection's handler, if it has that protocol and is not over.
    template <class Protocol>
    Protocol& with_protocol(const std::string& name) {
        const EntityPtr it = entity(name);
        if (it->connection == nullptr) throw Refused(make_error(ErrorCode::closed, "write"));
        auto* handler = dynamic_cast<Protocol*>(&it->connection->handler());
        if (handler == nullptr) throw Failed(name + " has no such protocol");
        return *handler;
    }

    // What a script may pass and C++'s type cannot hold.
    static std::size_t length(const Step& step) {
        if (step.count("COUNT") < 0) throw Refused(make_error(ErrorCode::argument, step.verb));
        return static_cast<std::size_t>(step.count("COUNT"));
    }

    void finish_frame(const std::string& name, const Result<tidemill::WriteResult>& written) {
        const EntityPtr it = entity(name);
        const tidemill::WriteResult result = value_of(written);
        if (result.has_failed()) throw Refused(it->connection->write_error(result.code));
        it->is_writable = result.is_flowing();
    }

    void write_frame(const std::string& name, Bytes octets) {
        Connection& connection = with_connection_of(name);
        tidemill::Handler* handler = &connection.handler();
        if (const auto* lines = dynamic_cast<tidemill::LineConnection*>(handler)) {
            return finish_frame(name, lines->write_line(connection, octets));
        }
        if (const auto* messages = dynamic_cast<tidemill::MessageConnection*>(handler)) {
            return finish_frame(name, messages->write_message(connection, octets));
        }
        if (dynamic_cast<tidemill::NetstringConnection*>(handler) != nullptr) {
            return finish_frame(name, tidemill::NetstringConnection::write_message(connection, octets));
        }
        finish_frame(name, with_protocol<tidemill::BlockConnection>(name).write_block(connection, octets));
    }

    Connection& with_connection_of(const std::string& name) {
        with_protocol<tidemill::Handler>(name);
        return *entity(name)->connection;
    }

    void write_content(const Step& step) {
        std::vector<Bytes> lines;
        const std::string& text = step["TEXT"];
        for (std::size_t at = 0; at <= text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            lines.push_back(Bytes(text).substr(at, end - at));
            at = end + 1;
        }
        auto& handler = with_protocol<tidemill::HeaderContentConnection>(step["E"]);
        finish_frame(step["E"], handler.write_message(*entity(step["E"])->connection, lines, step["VALUE"]));
    }

    tidemill::HttpRequest& request(const std::string& name) {
        tidemill::HttpRequest* found = with_protocol<Site>(name).request();
        if (found == nullptr) throw Refused(make_error(ErrorCode::state, "respond"));
        return *found;
    }

    void respond(const Step& step) {
        tidemill::HttpRequest& it = request(step["E"]);
        tidemill::WriteResult written;
        if (step.verb == "respond") written = it.respond(status_of(step), {}, step["VALUE"]);
        if (step.verb == "start_response") written = it.start(status_of(step), fields_of(step["TEXT"]));
        if (step.verb == "write_body") written = it.write(step["VALUE"]);
        if (step.verb == "finish_response") written = it.finish();
        if (step.verb == "finish_with_trailers") written = it.finish(fields_of(step["TEXT"]));
        if (step.verb == "respond_continue") written = it.respond_continue();
        if (step.verb == "start_events") written = it.start_events();
        if (step.verb == "ping_events") written = it.ping();
        if (step.verb == "send_event") {
            const auto word = [&](const char* name) { return step.has(name) ? Bytes(step[name]) : Bytes{}; };
            written = it.send_event({.data = step["TEXT"], .event = word("WORD"), .id = word("SERVER")});
        }
        if (written.has_failed()) throw Refused(it.error());
    }

    static std::string property_of(const tidemill::HttpRequest& it, const std::string& property) {
        if (property == "version") return it.minor_version() == 0 ? "1.0" : "1.1";
        if (property == "method") return std::string(it.method());
        if (property == "path") return std::string(it.path());
        if (property == "query") return std::string(it.query());
        if (property != "headers" && property != "trailers") throw Failed("this runner knows no " + property + " of a request");
        std::string text;
        for (const tidemill::HttpField& field : property == "headers" ? it.fields() : it.trailers())
            text.append(text.empty() ? "" : "\n").append(field.name).append(": ").append(field.value);
        return text;
    }

    void files(const Step& step) {
        if (step.verb == "serve_file") return entity(step["E"])->files->serve(request(step["TARGET"]));
        const EntityPtr me = made(Entity::Kind::files, step["NEW"]);
        me->files = std::make_shared<tidemill::StaticFiles>(value_of(tidemill::StaticFiles::open(endpoint(step["ENDPOINT"]))));
        entities_[me->name] = me;
    }

    static int status_of(const Step& step) { return static_cast<int>(step.count("COUNT")); }

    // "name: value" a line.
    static std::vector<tidemill::HttpField> fields_of(Bytes text) {
        std::vector<tidemill::HttpField> fields;
        while (!text.empty()) {
            const Bytes line = text.substr(0, text.find('\n'));
            const std::size_t colon = line.find(": ");
            if (colon != line.npos) fields.push_back({line.substr(0, colon), line.substr(colon + 2)});
            text.remove_prefix(std::min(line.size() + 1, text.size()));
        }
        return fields;
    }

    void echo() {
        if (event_ == "on_text" || event_ == "on_binary") {
            if (auto* web = dynamic_cast<Web*>(&with_connection_of("@").handler())) {
                Connection& connection = *entity("@")->connection;
                return finish_frame("@", event_ == "on_text" ? web->send_text(connection, data_) : web->send_binary(connection, data_));
            }
        }
        const bool is_frame = event_ == "on_line" || event_ == "on_message" || event_ == "on_block";
        is_frame ? write_frame("@", data_) : write("@", data_, whose_);
    }

    static void write_datagram(Entity& it, Bytes octets, std::string_view to) {
        if (it.datagram == nullptr) throw Refused(make_error(ErrorCode::closed, "write"));
        const tidemill::WriteResult written = it.datagram->write(octets, to);
        if (written.has_failed()) throw Refused(it.datagram->write_error(written));
        it.is_writable = written.is_flowing();
    }

    void end_write(const Step& step) {
        if (entity(step["E"])->is_over) throw Refused(make_error(ErrorCode::closed, "end_write"));
        with_connection(step, [](Connection& connection) {
            if (const tidemill::WriteResult ended = connection.end_write(); ended.has_failed())
                throw Refused(connection.write_error(ended.code));
        });
    }

    void set_output_limit(const Step& step) {
        // What a script may pass and C++'s type cannot hold.
        if (step.count("COUNT") < 0) value_of(tidemill::Result<void>(tidemill::make_error(tidemill::ErrorCode::argument, step.verb)));
        with_connection(step, [&](Connection& it) { it.set_output_limit(static_cast<std::size_t>(step.count("COUNT"))); });
    }

    void counted(const std::string& name, const std::string& number) {
        const std::string all = "\n" + tidemill::plain_text(reactor_.metrics());
        const std::size_t at = all.find("\n" + name + " ");
        if (at == all.npos) throw Failed("there is no metric " + name);
        const std::size_t from = at + name.size() + 2;
        same(name, number, all.substr(from, all.find('\n', from) - from));
    }

    void set_watermarks(const Step& step) {
        const auto low = static_cast<std::size_t>(step.count("LOW")), high = static_cast<std::size_t>(step.count("HIGH"));
        with_connection(step, [&](Connection& connection) { value_of(connection.set_watermarks(low, high)); });
    }

    // The connection, which must be there.
    Connection& open_one(const std::string& name, const std::string& verb, ErrorCode otherwise = ErrorCode::closed) {
        const EntityPtr it = entity(name);
        if (it->kind != Entity::Kind::connection) throw Failed(it->name + " has no " + verb);
        if (it->connection == nullptr) throw Refused(make_error(otherwise, verb));
        return *it->connection;
    }

    static std::int64_t count_or(const Step& step, const std::string& word, std::int64_t otherwise) {
        return step.has(word) ? step.count(word) : otherwise;
    }

    void make_file(const Step& step) { std::ofstream(endpoint(step["ENDPOINT"]), std::ios::binary) << step["VALUE"]; }

    void send_file(const Step& step) {
        Connection& connection = open_one(step["E"], step.verb);
        value_of(connection.send_file(endpoint(step["ENDPOINT"]), count_or(step, "LOW", 0), count_or(step, "COUNT", -1)));
    }

    void proxy_to(const Step& step) {
        Connection& connection = open_one(step["E"], step.verb);
        value_of(connection.proxy_to(open_one(step["TARGET"], step.verb, ErrorCode::state), count_or(step, "COUNT", -1)));
    }

    void send(const Step& step) {
        Web& web = with_protocol<Web>(step["E"]);
        Connection& connection = *entity(step["E"])->connection;
        finish_frame(step["E"], step.verb == "send_text"     ? web.send_text(connection, step["VALUE"])
                                : step.verb == "send_binary" ? web.send_binary(connection, step["VALUE"])
                                                             : web.ping(connection, step["VALUE"]));
    }

    void close_websocket(const Step& step) {
        if (entity(step["E"])->connection == nullptr) return;
        Web& web = with_protocol<Web>(step["E"]);
        value_of(web.close(*entity(step["E"])->connection, static_cast<std::uint16_t>(step.count("COUNT")), step["TEXT"]));
    }

    void add_header(const Step& step) {
        for (const tidemill::HttpField& field : fields_of(step["TEXT"]))
            value_of(with_protocol<Web>(step["E"]).handshake().add_field(field.name, field.value));
    }

    void upgrade(const Step& step) {
        tidemill::HttpRequest& it = request(step["E"]);
        const EntityPtr me = made(Entity::Kind::connection, step["NEW"]);
        tidemill::HandlerPtr next = recorder_for(*this, me, step);
        auto* web = dynamic_cast<Web*>(next.get());
        const std::string text = step.has("TEXT") ? step["TEXT"] : "";
        const std::vector<tidemill::HttpField> fields = fields_of(text);
        const tidemill::WriteResult written =
            web == nullptr ? it.upgrade(std::move(next), fields) : tidemill::upgrade_websocket(it, *web, std::move(next), fields);
        if (written.has_failed()) throw Refused(it.error());
        keep(me);
    }

    void become(const Step& step) {
        Connection& connection = open_one(step["E"], step.verb);
        const EntityPtr before = entity(step["E"]), me = made(Entity::Kind::connection, step["NEW"]);
        value_of(connection.become(recorder_for(*this, me, step), step.has("VALUE") ? Bytes(step["VALUE"]) : Bytes{}));
        before->connection = nullptr;
        before->is_over = true;
        keep(me);
    }

    void schedule(const Step& step) {
        const EntityPtr me = made(Entity::Kind::task, step["NEW"]);
        const auto task = [this, me] { seen(me, "fired", {}, {}); };
        if (step.verb == "next_tick") reactor_.next_tick(task);
        if (step.verb == "post") reactor_.post(task);
        if (step.verb == "call_later") me->timer = reactor_.call_later(seconds(step["TIME"]), task);
        if (step.verb == "call_every") me->timer = reactor_.call_every(seconds(step["TIME"]), task);
        keep(me);
    }

    const tidemill::Deferred<std::string>& deferred_of(const Step& step) const { return entity(step["E"])->deferred.value(); }

    static ErrorCode code_of(const std::string& name) {
        auto code = ErrorCode::none;
        while (code_name(code) != name) code = static_cast<ErrorCode>(static_cast<int>(code) + 1);
        return code;
    }

    // The play's own copy of what a function holds.
    Entity& keep_copy(const EntityPtr& me) {
        given_[me->name] = me;
        return *(entities_[me->name] = std::make_shared<Entity>(*me));
    }

    void follow(const EntityPtr& me, const tidemill::Deferred<std::string>& deferred) {
        deferred.on_success([this, me](const std::string& value) { seen(me, "on_success", value, {}); });
        deferred.on_failure([this, me](const Error& error) { seen(me, "on_failure", code_name(error.code), {}); });
        keep_copy(me).deferred = deferred;
    }

    void make_deferred(const std::string& name) {
        const EntityPtr me = made(Entity::Kind::deferred, name);
        follow(me, tidemill::Deferred<std::string>(reactor_, [this, me] { seen(me, "cancelled", {}, {}); }));
    }

    void defer(const Step& step) {
        const bool is_raising = step["WORK"] == "raise";
        const auto work = [is_raising, text = step["TEXT"]] { return is_raising ? throw std::runtime_error(text) : text; };
        follow(made(Entity::Kind::deferred, step["NEW"]), value_of(tidemill::defer(reactor_, work)));
    }

    void resolve(const Step& step) {
        const auto addresses = value_of(tidemill::resolve(reactor_, step["ENDPOINT"]));
        const tidemill::Deferred<std::string> line(reactor_, [addresses] { addresses.cancel(); });
        addresses.on_success([line](const std::vector<std::string>& all) {
            std::string text;
            for (const std::string& each : all) text += (text.empty() ? "" : " ") + each;
            line.succeed(text);
        });
        addresses.on_failure([line](const Error& error) { line.fail(error); });
        follow(made(Entity::Kind::deferred, step["NEW"]), line);
    }

    // All that it asks goes to the listener. Options: name=whole number, with commas between them.
    void make_http_client(const Step& step) {
        tidemill::HttpClientOptions options;
        options.connect_to = endpoint("@" + step["E"]);
        options.proxy = step.has("WORD") ? step["WORD"] : "";
        options.proxy_authorization = step.has("TEXT") ? step["TEXT"] : "";
        options.tls = context("none");
        if (step.has("TO")) options.cookies = entity(step["TO"])->jar;
        options.wall_clock = [this] { return wall_time(); };
        std::istringstream words(step.has("PROTOCOL") ? step["PROTOCOL"] : "");
        for (std::string word; std::getline(words, word, ',');) {
            const std::string name = word.substr(0, word.find('='));
            const std::size_t number = std::stoul(word.substr(name.size() + 1));
            if (name == "per_origin")
                options.per_origin = number;
            else if (name == "max_waiting")
                options.queue = number;
            else if (name == "max_body")
                options.reply = number;
            else if (name == "redirects")
                options.redirects = static_cast<int>(number);
            else if (name == "decompress")
                options.decompresses = number == 1;
            else if (name == "response_timeout")
                options.limits.first_octet = std::chrono::seconds(number);
            else if (name == "idle_timeout")
                options.limits.body_progress = std::chrono::seconds(number);
            else if (name == "total_timeout")
                options.total_timeout = std::chrono::seconds(number);
            else if (name == "keep_alive")
                options.keeps = std::chrono::seconds(number);
            else
                throw Failed("there is no option " + name);
        }
        const EntityPtr me = made(Entity::Kind::client, step["NEW"]);
        me->client = std::make_shared<tidemill::HttpClient>(reactor_, options);
        entities_[me->name] = me;
    }

    void sites(const Step& step) {
        if (step.verb == "http_hosts") {
            const EntityPtr me = made(Entity::Kind::hosts, step["NEW"]);
            me->hosts = std::make_shared<tidemill::HttpHosts>();
            entities_[me->name] = me;
        } else if (step.verb == "add_site") {
            const auto site = [body = step["TEXT"]](tidemill::HttpRequest& asked) { asked.respond(200, {}, body); };
            entity(step["E"])->hosts->add(step["WORD"], site);
        } else {
            entity(step["E"])->hosts->serve(request(step["TARGET"]));
        }
    }

    void log(const Step& step) {
        if (step.verb == "access_log") {
            const EntityPtr me = made(Entity::Kind::log, step["NEW"]);
            me->log = std::make_shared<tidemill::AccessLog>(value_of(tidemill::AccessLog::open(endpoint(step["ENDPOINT"]))));
            entities_[me->name] = me;
        } else if (step.verb == "log_response") {
            lines_ += with_protocol<Site>(step["TARGET"]).log(*entity(step["E"])->log);
        } else {
            expect_lines(endpoint(step["ENDPOINT"]), step["VALUE"]);
        }
    }

    // Times are left out once they look like times.
    void expect_lines(const std::string& path, const std::string& text) {
        const auto read = [&path] {
            std::ostringstream all;
            all << std::ifstream(path, std::ios::binary).rdbuf();
            return all.str();
        };
        const auto deadline = std::chrono::steady_clock::now() + limit_;
        while (read().size() < lines_.size() && std::chrono::steady_clock::now() < deadline) turn(std::chrono::milliseconds(10));
        const std::regex times(R"( - - \[\d\d/[A-Z][a-z]{2}/\d{4}(:\d\d){3} \+0000\])");
        for (const std::string& seen : {lines_, read()}) same(path, text, std::regex_replace(seen, times, ""));
        lines_.clear();
    }

    void fetch(const Step& step) {
        const auto exchange = std::make_shared<std::weak_ptr<tidemill::HttpExchange>>();
        const tidemill::Deferred<std::string> line(reactor_, [exchange] {
            if (const auto found = exchange->lock()) found->cancel();
        });
        const auto done = [line](tidemill::HttpReply* reply, const Error& error) {
            reply != nullptr ? line.succeed(std::to_string(reply->status) + " " + reply->body) : line.fail(error);
        };
        tidemill::HttpClientRequest request{.method = step["WORD"], .url = step["TEXT"]};
        if (step.has("VALUE")) request.body = step["VALUE"];
        if (step.has("YES") && step["YES"] == "true") request.fields.emplace_back("Expect", "100-continue");
        tidemill::HttpClient& client = *entity(step["E"])->client;
        *exchange = value_of(client.request(std::move(request), std::make_unique<tidemill::HttpCollector>(client.reply_limit(), done)));
        follow(made(Entity::Kind::deferred, step["NEW"]), line);
    }

    void stream(const Step& step) {
        const EntityPtr me = made(Entity::Kind::exchange, step["NEW"]);
        std::unique_ptr<tidemill::HttpExchangeHandler> handler(new Exchange(*this, me));
        value_of(entity(step["E"])->client->request({.method = step["WORD"], .url = step["TEXT"]}, std::move(handler)));
        entities_[me->name] = me;
    }

    // By the manual clock, as in the scripts.
    std::time_t wall_time() const { return std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count(); }

    void make_cookie_jar(const std::string& name) {
        const EntityPtr me = made(Entity::Kind::jar, name);
        me->jar = std::make_shared<tidemill::CookieJar>();
        entities_[me->name] = me;
    }

    void set_cookie(const Step& step) {
        entity(step["E"])->jar->take(step["TEXT"], value_of(tidemill::parse_url(step["WORD"], "set")), wall_time());
    }

    std::string cookies_of(tidemill::CookieJar& jar) const {
        std::string text;
        for (const tidemill::Cookie& cookie : jar.cookies(wall_time())) {
            text.append(text.empty() ? "" : ", ").append(cookie.name).append("=").append(cookie.value).append(" ").append(cookie.domain);
            text.append(cookie.path).append(" ").append(std::to_string(cookie.expires.value_or(0))).append(" ");
            text.append(cookie.is_host_only ? "o" : "").append(cookie.is_secure ? "s" : "").append(cookie.is_http_only ? "h" : "");
        }
        return text;
    }

    void make_exchange(const Step& step) {
        const EntityPtr me = made(step.verb == "queue" ? Entity::Kind::queue : Entity::Kind::channel, step["NEW"]);
        step.verb == "queue" ? void(me->queue.emplace(reactor_)) : void(me->channel.emplace(reactor_));
        entities_[me->name] = me;
    }

    void receive(const Step& step) {
        const EntityPtr me = made(Entity::Kind::subscription, step["NEW"]), from = entity(step["E"]);
        const auto function = [this, me](const std::string& value) { seen(me, "received", value, {}); };
        Entity& kept = keep_copy(me);
        if (step.verb == "pop") return from->queue.value().pop(function);
        kept.subscription = from->channel.value().subscribe(function);
    }

    static bool cancelled(Entity& it) {
        if (it.deferred) return it.deferred->cancel();
        return it.kind == Entity::Kind::subscription ? it.subscription.cancel() : it.timer.cancel();
    }

    void cancel(const Step& step) {
        const std::string answer = word_for(cancelled(*entity(step["E"])));
        if (step.has("YES")) same("cancel " + step["E"], step["YES"], answer);
    }

    void run_reactor(const Step& step) {
        const auto too_late = [this] {
            problem_ = {line_, "run did not return"};
            reactor_.stop();
        };
        const Watch watch(limit_, [&] { reactor_.post(too_late); });
        try {
            loop([&]() -> Result<bool> {
                if (const Result<void> ran = reactor_.run(); !ran) return ran.error();
                return true;
            });
        } catch (const Failed&) {
            throw;
        } catch (const std::exception& error) {
            if (!step.has("TEXT") || std::string(error.what()).find(step["TEXT"]) == std::string::npos) throw;
            return;
        }
        if (step.has("TEXT")) throw Failed("run: expected " + step["TEXT"] + ", seen that it returns");
    }

    void advance(const Step& step) {
        clock_.advance(seconds(step["TIME"]));
        settle();
    }

    void set_error_handler(const Step& step) {
        if (step.has("OFF")) return reactor_.set_error_handler({});
        const EntityPtr me = entity("reactor");
        reactor_.set_error_handler([this, me](const std::exception_ptr& exception) { seen(me, "on_error", message_of(exception), {}); });
    }

    void drop(const std::string& name) {
        found(entities_, name);
        entities_.erase(name);
    }

    void expect_gone(const std::string& name) {
        settle();
        same(name, "gone", found(given_, name).expired() ? "gone" : "alive");
    }

    void check(const std::string& name, const std::string& property, const std::string& value) {
        same(name + " " + property, value, property_of(*entity(name), property));
    }

    std::string property_of(const Entity& it, const std::string& property) {
        const Connection* connection = it.connection;
        if (it.kind == Entity::Kind::reactor && property == "is_draining") return word_for(reactor_.is_draining());
        if (it.kind == Entity::Kind::reactor && property == "is_running") return word_for(reactor_.is_running());
        if (it.kind == Entity::Kind::task && property == "is_active") return word_for(it.timer.is_active());
        if (it.kind == Entity::Kind::subscription && property == "is_active") return word_for(it.subscription.is_active());
        if (it.deferred && property == "is_done") return word_for(it.deferred->is_done());
        if (it.channel && property == "subscribers") return std::to_string(it.channel->subscribers());
        if (it.client && property == "connections") return std::to_string(it.client->open());
        if (it.client && property == "waiting") return std::to_string(it.client->waiting());
        if (it.jar && property == "cookies") return cookies_of(*it.jar);
        if (it.queue && property == "size") return std::to_string(it.queue->size());
        if (it.queue && property == "waiting") return std::to_string(it.queue->waiting());
        if (it.kind == Entity::Kind::listener && property == "is_open") {
            const Listener* listener = find_listener(reactor_, it.listener);
            return word_for(listener != nullptr && listener->is_open());
        }
        if (it.kind == Entity::Kind::watch && property == "is_open") {
            const tidemill::Watch* watch = find_watch(reactor_, it.source);
            return word_for(watch != nullptr && watch->is_open());
        }
        if (it.kind == Entity::Kind::process) {
            const tidemill::Process* process = find_process(reactor_, it.source);
            if (property == "writable") return word_for(it.is_writable);
            if (property == "pending") return std::to_string(process == nullptr ? 0 : process->pending());
            if (property == "is_running") return word_for(process != nullptr && process->is_running());
        }
        if (it.kind == Entity::Kind::datagram) return property_of_datagram(it, property);
        if (it.kind != Entity::Kind::connection) throw Failed(it.name + " has no " + property);
        if (property == "writable") return word_for(it.is_writable);
        if (property == "state") return std::string(connection == nullptr ? "closed" : state_name(connection->state()));
        if (property == "pending") return std::to_string(connection == nullptr ? 0 : connection->pending());
        if (auto* web = connection == nullptr ? nullptr : dynamic_cast<Web*>(&connection->handler())) {
            if (property == "close_code") return std::to_string(web->close_code());
            if (property == "close_reason") return web->close_reason();
            if (property == "subprotocol") return web->subprotocol();
            if (property == "target") return web->target();
        }
        if (property == "proxied") return std::to_string(connection == nullptr ? 0 : connection->proxied());
        if (property == "peer") return connection == nullptr ? "" : connection->peer();
        if (property == "local") return connection == nullptr ? "" : connection->local();
        throw Failed(it.name + " has no " + property);
    }

    static std::string property_of_datagram(const Entity& it, const std::string& property) {
        const Datagram* datagram = it.datagram;
        if (property == "writable") return word_for(it.is_writable);
        if (property == "state") return std::string(datagram == nullptr ? "closed" : state_name(datagram->state()));
        if (property == "pending") return std::to_string(datagram == nullptr ? 0 : datagram->pending());
        if (property == "dropped") return std::to_string(datagram == nullptr ? 0 : datagram->dropped());
        if (property == "peer") return datagram == nullptr ? "" : datagram->peer();
        if (property == "local") return datagram == nullptr ? "" : datagram->local();
        throw Failed(it.name + " has no " + property);
    }

    void expect_failure(const Step& step) {
        const Step& action = step.inner[0];
        try {
            perform(action);
        } catch (const Refused& refused) {
            const std::string code(code_name(refused.error.code)), number(tidemill::errno_name(refused.error.os));
            return same(action.verb, step["CODE"] + " " + (step.has("ERRNO") ? step["ERRNO"] : number), code + " " + number);
        }
        throw Failed(action.verb + ": expected " + step["CODE"] + ", seen that it succeeded");
    }

    // The line, with the endpoint that it names.
    Step resolved(Step line) const {
        if (line.has("TO")) line.words["TO"] = endpoint(line["TO"]);
        return line;
    }

    void expect(const Step& step) {
        if (step.has("LINE")) return trace_.expect(step["E"], resolved(step.inner[0]));
        if (step["NOTHING"] == "nothing") settle();
        trace_.expect_nothing();
    }

    static inline int number_ = 0;  // of the last fresh endpoint

    const Scenario& scenario_;
    const std::string transport_, folder_;
    const Duration limit_;
    int line_ = 0;
    std::map<std::string, EntityPtr> entities_;
    std::map<std::string, std::weak_ptr<Entity>> given_;
    std::map<std::string, std::string> endpoints_;
    std::map<std::string, int> accepted_;
    std::vector<Reaction> reactions_;
    Trace trace_;
    EntityPtr me_;                    // who is called back,
    std::string event_;               // by which event,
    Bytes data_;                      // with what,
    std::string_view whose_;          // and the endpoint of a datagram
    std::optional<Problem> problem_;  // what went wrong in a callback
    bool is_in_loop_ = false;
    std::string lines_;  // that access logs should have
    tidemill::ManualClock clock_;
    tidemill::Reactor reactor_;  // last, as it must go first
};

std::optional<Trouble> play(const Scenario& scenario, const std::string& transport, const std::string& poller, const std::string& folder) {
    Play attempt(scenario, transport, poller, folder);
    const Watch watch(std::chrono::minutes{2}, [&] {
        std::cout << scenario.path.string() << ":" << attempt.line() << " over " << transport << " with " << poller << ": hangs"
                  << std::endl;
        std::_Exit(1);
    });
    try {
        attempt.run();
        return {};
    } catch (const std::exception& error) {
        return Trouble{attempt.line(), error.what()};
    }
}

}  // namespace conformance
