// Opening datagram sockets, and the options of those that are open.
#include "tidemill/net/datagram.h"

namespace tidemill {

static Result<Address> datagram_address(std::string_view text, std::string_view operation) {
    Result<Endpoint> endpoint = parse_endpoint(text, operation);
    if (!endpoint) return endpoint.error();
    const auto refused = [&](std::string_view why) { return make_error(ErrorCode::argument, operation, text, why); };
    if (!endpoint.value().is_datagram()) return refused("datagrams have endpoints like udp://address:port or unix-datagram:///path");
    Address address;
    if (!literal_address(endpoint.value(), address)) return refused("a host name is to be resolved first; this takes literal addresses");
    return address;
}

static Result<Address> peer_address_of(std::string_view text, const Address& own) {
    Result<Address> peer = datagram_address(text, "open_datagram");
    if (!peer) return peer;
    if (own.is_unix() != peer.value().is_unix() || own.is_ipv6() != peer.value().is_ipv6()) {
        return make_error(ErrorCode::argument, "open_datagram", text, "the two addresses are of different families");
    }
    return peer;
}

Result<void> Datagram::connect_to(const Address& peer, std::string_view text) {
    if (const int problem = connect_datagram(socket_.fd.get(), peer); problem != 0) {
        socket_.file.remove();
        return os_error(problem, "open_datagram", text);
    }
    peer_address_ = peer;
    peer_ = peer.datagram_text();
    return {};
}

Result<Datagram*> open_datagram(Reactor& reactor, std::string_view text, std::unique_ptr<DatagramHandler> handler,
                                DatagramOptions options) {
    Result<Address> address = datagram_address(text, "open_datagram");
    if (!address) return address.error();
    if (options.receive_buffer < 0 || options.send_buffer < 0) {
        return make_error(ErrorCode::argument, "open_datagram", text, "a buffer has 0 or more octets");
    }
    if (options.reuse_port && address.value().is_unix()) {
        return make_error(ErrorCode::argument, "open_datagram", text, "reuse_port is for UDP");
    }
    Result<Address> peer = options.connect_to.empty() ? Address{} : peer_address_of(options.connect_to, address.value());
    if (!peer) return peer.error();
    if (Result<void> usable = reactor.check_usable("open_datagram", text); !usable) return usable.error();
    if (reactor.is_stopping()) return make_error(ErrorCode::state, "open_datagram", text, "the reactor is stopping");
    Result<DatagramSocket> socket = open_datagram_socket(
        address.value(), {options.reuse_address, options.reuse_port, options.receive_buffer, options.send_buffer, options.mode});
    if (!socket) return socket.error();
    auto made = std::make_unique<Datagram>(reactor, std::move(socket).value(), std::move(handler));
    if (!options.connect_to.empty()) {
        if (Result<void> connected = made->connect_to(peer.value(), options.connect_to); !connected) return connected.error();
    }
    Datagram& datagram = *made;
    reactor.add(std::move(made));
    if (Result<void> started = datagram.start(); !started) return started.error();
    return &datagram;
}

// ---- options of an open socket ----

Result<void> Datagram::check_usable(std::string_view operation) const {
    if (Result<void> usable = reactor_.check_usable(operation, local_); !usable) return usable;
    if (state_ == State::closed) return make_error(ErrorCode::closed, operation, local_, "the datagram socket is closed");
    return {};
}

Result<void> Datagram::check_multicast(std::string_view operation) const {
    if (Result<void> usable = check_usable(operation); !usable) return usable;
    if (socket_.address.is_unix()) return make_error(ErrorCode::argument, operation, local_, "this is for UDP sockets only");
    return {};
}

static Result<void> outcome(int problem, std::string_view operation, std::string_view endpoint) {
    if (problem != 0) return os_error(problem, operation, endpoint);
    return {};
}

// The index of the interface; 0 for "".
static Result<std::uint32_t> interface_of(std::string_view name, std::string_view operation) {
    const std::uint32_t index = name.empty() ? 0 : interface_index(name);
    if (index == 0 && !name.empty()) return make_error(ErrorCode::argument, operation, name, "there is no network interface of that name");
    return index;
}

Result<void> Datagram::change_membership(std::string_view operation, int (*change)(int, const Address&, std::uint32_t),
                                         std::string_view group, std::string_view interface) {
    if (Result<void> usable = check_multicast(operation); !usable) return usable;
    Address address;
    const bool is_known = literal_address({Endpoint::Scheme::udp, std::string(group), 0}, address);
    if (!is_known || address.is_ipv6() != socket_.address.is_ipv6()) {
        return make_error(ErrorCode::argument, operation, group, "a group is a literal address of the socket's family, without port");
    }
    Result<std::uint32_t> index = interface_of(interface, operation);
    if (!index) return index.error();
    return outcome(change(socket_.fd.get(), address, index.value()), operation, group);
}

Result<void> Datagram::join(std::string_view group, std::string_view interface) {
    return change_membership("join", join_group, group, interface);
}

Result<void> Datagram::leave(std::string_view group, std::string_view interface) {
    return change_membership("leave", leave_group, group, interface);
}

Result<void> Datagram::set_multicast_interface(std::string_view interface) {
    if (Result<void> usable = check_multicast("set_multicast_interface"); !usable) return usable;
    Result<std::uint32_t> index = interface_of(interface, "set_multicast_interface");
    if (!index) return index.error();
    const int problem = tidemill::set_multicast_interface(socket_.fd.get(), socket_.address.is_ipv6(), index.value());
    return outcome(problem, "set_multicast_interface", interface);
}

Result<void> Datagram::set_multicast_ttl(int hops) {
    if (Result<void> usable = check_multicast("set_multicast_ttl"); !usable) return usable;
    if (hops < 0 || hops > 255) return make_error(ErrorCode::argument, "set_multicast_ttl", local_, "the hops are 0 to 255");
    return outcome(set_multicast_hops(socket_.fd.get(), socket_.address.is_ipv6(), hops), "set_multicast_ttl", local_);
}

Result<void> Datagram::set_multicast_loop(bool is_on) {
    if (Result<void> usable = check_multicast("set_multicast_loop"); !usable) return usable;
    return outcome(tidemill::set_multicast_loop(socket_.fd.get(), socket_.address.is_ipv6(), is_on), "set_multicast_loop", local_);
}

Result<void> Datagram::set_broadcast(bool is_on) {
    if (Result<void> usable = check_multicast("set_broadcast"); !usable) return usable;
    return outcome(tidemill::set_broadcast(socket_.fd.get(), is_on), "set_broadcast", local_);
}

// ---- asking ----

Datagram* find_datagram(Reactor& reactor, SourceId id) {
    return dynamic_cast<Datagram*>(reactor.find(id));
}

std::string_view state_name(Datagram::State state) {
    switch (state) {
        case Datagram::State::open:
            return "open";
        case Datagram::State::closing:
            return "closing";
        case Datagram::State::closed:
            return "closed";
    }
    return "closed";
}

}  // namespace tidemill
