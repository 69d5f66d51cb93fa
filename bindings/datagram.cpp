#include "bindings/datagram.h"

#include "tidemill/net/datagram.h"

namespace tidemill::script {
namespace {

// Hands the core's callbacks on to the script's object.
class ScriptDatagram final : public DatagramHandler {
public:
    ScriptDatagram(Host& host, Ticket ticket) : host_(host), object_(host, ticket) {}

    void on_open(Datagram& datagram) override { tell(datagram, Event::on_open); }
    void on_data(Datagram& datagram, Bytes octets, std::string_view peer) override {
        tell(datagram, Event::on_data, {Value::octets(octets), Value::words(peer)});
    }
    void on_drain(Datagram& datagram) override { tell(datagram, Event::on_drain); }
    void on_lost(Datagram& datagram, const Error& error) override { tell(datagram, Event::on_lost, {Value::failure(error)}); }
    void on_close(Datagram& datagram, const Error& reason) override { tell(datagram, Event::on_close, {Value::failure(reason)}); }

private:
    void tell(Datagram& datagram, Event event, std::initializer_list<Value> arguments = {}) {
        if (!object_.emit(event, arguments) && !host_.was_leaving()) datagram.abort();
    }

    Host& host_;
    ScriptObject object_;
};

void check(const Result<void>& result) {
    if (!result.ok()) throw Failure{result.error()};
}

// nullptr once it is closed. Throws state.
Datagram* usable(ReactorCore& core, std::uint64_t datagram, std::string_view operation) {
    check(core.reactor().check_usable(operation));
    return find_datagram(core.reactor(), datagram);
}

Datagram& living(ReactorCore& core, std::uint64_t datagram, std::string_view operation) {
    Datagram* found = usable(core, datagram, operation);
    if (found == nullptr) throw Failure{make_error(ErrorCode::closed, operation, {}, "the datagram socket is closed")};
    return *found;
}

}  // namespace

std::uint64_t open_datagram(ReactorCore& core, Bytes endpoint, Bytes connect_to, bool reuse_address, bool reuse_port, int receive_buffer,
                            int send_buffer, int mode, std::int64_t object) {
    auto handler = std::make_unique<ScriptDatagram>(core.host(), object);
    Result<Datagram*> opened = tidemill::open_datagram(core.reactor(), endpoint, std::move(handler),
                                                       {connect_to, reuse_address, reuse_port, receive_buffer, send_buffer, mode});
    if (!opened) throw Failure{opened.error()};
    return opened.value()->id();
}

bool datagram_write(ReactorCore& core, std::uint64_t datagram, Octets octets, Bytes to) {
    Datagram& found = living(core, datagram, "write");
    const WriteResult written = found.write(octets.bytes, to);
    if (written.has_failed()) throw Failure{found.write_error(written)};
    return written.is_flowing();
}

void datagram_close(ReactorCore& core, std::uint64_t datagram) {
    if (Datagram* found = usable(core, datagram, "close")) found->close();
}

void datagram_abort(ReactorCore& core, std::uint64_t datagram) {
    if (Datagram* found = usable(core, datagram, "abort")) found->abort();
}

void datagram_pause(ReactorCore& core, std::uint64_t datagram) {
    if (Datagram* found = usable(core, datagram, "pause")) found->pause();
}

void datagram_resume(ReactorCore& core, std::uint64_t datagram) {
    if (Datagram* found = usable(core, datagram, "resume")) found->resume();
}

void datagram_join(ReactorCore& core, std::uint64_t datagram, Bytes group, Bytes interface) {
    check(living(core, datagram, "join").join(group, interface));
}

void datagram_leave(ReactorCore& core, std::uint64_t datagram, Bytes group, Bytes interface) {
    check(living(core, datagram, "leave").leave(group, interface));
}

void datagram_set_multicast_interface(ReactorCore& core, std::uint64_t datagram, Bytes interface) {
    check(living(core, datagram, "set_multicast_interface").set_multicast_interface(interface));
}

void datagram_set_multicast_ttl(ReactorCore& core, std::uint64_t datagram, int hops) {
    check(living(core, datagram, "set_multicast_ttl").set_multicast_ttl(hops));
}

void datagram_set_multicast_loop(ReactorCore& core, std::uint64_t datagram, bool is_on) {
    check(living(core, datagram, "set_multicast_loop").set_multicast_loop(is_on));
}

void datagram_set_broadcast(ReactorCore& core, std::uint64_t datagram, bool is_on) {
    check(living(core, datagram, "set_broadcast").set_broadcast(is_on));
}

// The socket's own text lives as long as the socket; the caller's language copies it before anything else happens.
Bytes datagram_local(ReactorCore& core, std::uint64_t datagram) {
    const Datagram* found = find_datagram(core.reactor(), datagram);
    return found == nullptr ? Bytes{} : Bytes(found->local());
}

Bytes datagram_peer(ReactorCore& core, std::uint64_t datagram) {
    const Datagram* found = find_datagram(core.reactor(), datagram);
    return found == nullptr ? Bytes{} : Bytes(found->peer());
}

Bytes datagram_state(ReactorCore& core, std::uint64_t datagram) {
    const Datagram* found = find_datagram(core.reactor(), datagram);
    return found == nullptr ? "closed" : state_name(found->state());
}

std::uint64_t datagram_pending(ReactorCore& core, std::uint64_t datagram) {
    const Datagram* found = find_datagram(core.reactor(), datagram);
    return found == nullptr ? 0 : found->pending();
}

std::uint64_t datagram_dropped(ReactorCore& core, std::uint64_t datagram) {
    const Datagram* found = find_datagram(core.reactor(), datagram);
    return found == nullptr ? 0 : found->dropped();
}

}  // namespace tidemill::script
