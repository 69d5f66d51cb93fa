#include "bindings/script.h"

namespace tidemill::script {

// Without the underscore of what only adaptors see.
static const char* users_name(Event event) {
    const char* name = event_names[static_cast<std::size_t>(event)];
    return name[0] == '_' ? name + 1 : name;
}

void ScriptHandler::attached(Connection& connection) {
    connection_ = &connection;
    was_attached_ = true;
}

void ScriptHandler::call(Event event, const Value* arguments, std::size_t count) {
    Host& host = *host_;  // the callback may be the end of this
    if (!emit(event, arguments, count)) host.on_raised({.handler = this});
    host.blame({.handler = this}, users_name(event));
}

bool ScriptHandler::offer(Event event, std::initializer_list<Value> arguments) {
    const bool is_well = emit(event, arguments.begin(), arguments.size());
    host_->blame({.handler = this}, users_name(event));
    return is_well;
}

void ScriptHandler::raised() {
    host_->on_raised({.handler = this});
}

void ScriptHandler::on_open(Connection&) {
    call(Event::on_open);
}

void ScriptHandler::on_data(Connection&, Bytes octets) {
    const Value argument = Value::octets(octets);
    call(Event::on_data, &argument, 1);
}

// The adaptor makes the info that its users see, from connection_tls_field.
void ScriptHandler::on_tls(Connection&, const TlsInfo&) {
    call(Event::_on_tls);
}

void ScriptHandler::on_drain(Connection&) {
    call(Event::on_drain);
}

void ScriptHandler::on_shutdown(Connection&) {
    call(Event::on_shutdown);
}

void ScriptHandler::on_proxy_end(Connection&, const Error& reason) {
    const Value argument = Value::failure(reason);
    call(Event::on_proxy_end, &argument, 1);
}

void ScriptHandler::on_end(Connection&) {
    call(Event::on_end);
}

void ScriptHandler::on_close(Connection&, const Error& reason) {
    const Value argument = Value::failure(reason);
    call(Event::on_close, &argument, 1);
}

void ScriptHandler::receive(Connection& connection, Bytes octets) {
    protocol_ ? protocol_->driver().receive(connection, octets) : on_data(connection, octets);
}

void ScriptHandler::receive_end(Connection& connection) {
    protocol_ ? protocol_->driver().receive_end(connection) : on_end(connection);
}

void ScriptHandler::receive_open(Connection& connection) {
    const bool is_told = protocol_ && protocol_->tells_open();
    if (protocol_) protocol_->driver().receive_open(connection);
    if (!is_told) on_open(connection);
}

void ScriptHandler::receive_drain(Connection& connection) {
    if (protocol_) protocol_->driver().receive_drain(connection);
    on_drain(connection);
}

void ScriptHandler::receive_shutdown(Connection& connection) {
    if (protocol_) protocol_->driver().receive_shutdown(connection);
    on_shutdown(connection);
}

void ScriptHandler::receive_close(Connection& connection, const Error& reason) {
    if (protocol_) protocol_->driver().receive_close(connection, reason);
    on_close(connection, reason);
}

void ScriptHandler::go_on(Connection& connection) {
    if (protocol_) protocol_->driver().go_on(connection);
}

std::string ScriptHandler::hand_over(Connection& connection) {
    return protocol_ ? protocol_->driver().hand_over(connection) : std::string();
}

void ScriptHandler::replaced() {
    last_id_ = connection_->id();
    connection_ = nullptr;
}

// The object's memory belongs to its language: only the handle is given up here, and then the reactor's reference, last.
void ScriptHandler::release() {
    if (protocol_) protocol_->driver().let_go();
    if (connection_ != nullptr) replaced();
    Host* host = std::exchange(host_, nullptr);
    if (host != nullptr) host->forget(*this);
}

void ScriptHandler::detach() {
    const Host* host = std::exchange(host_, nullptr);
    if (protocol_ && host != nullptr) protocol_->driver().let_go();
    if (Connection* connection = std::exchange(connection_, nullptr)) {
        connection->forget_handler();
    } else if (Connection* former = host == nullptr ? nullptr : host->find_connection(*this)) {
        former->forget_replaced(*this);
    }
}

void Host::locate(Party party, const char* what) {
    if (slow_watch_ == 0) return;
    const auto id = static_cast<std::int64_t>(party.handler == nullptr ? 0 : party.handler->id());
    const Value arguments[] = {Value::words(what), Value::number(id), Value::number(party.object)};
    if (!emit(slow_watch_, Event::_locate, arguments, std::size(arguments))) on_raised();
    reactor_->call_watch().blame({"", what});  // the watch knows the rest
}

Result<void> Host::queue_tick() {
    if (!reactor_->is_usable_here()) return reactor_->check_usable("next_tick");
    reactor_->next_tick([this] {
        if (!call_tick()) on_raised();
        blame({}, "tick");
    });
    return {};
}

bool Host::on_raised(Party party) {
    verdict_ = judge(party);
    if (verdict_ == Verdict::taken) return true;
    park();
    // Also if the callback that raised gave the connection to another object.
    Connection* connection = party.handler == nullptr ? nullptr : find_connection(*party.handler);
    if (verdict_ == Verdict::unhandled && connection != nullptr) connection->abort();
    reactor_->halt();
    return false;
}

}  // namespace tidemill::script
