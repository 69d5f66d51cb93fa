// Datagram sockets at script size (facade.h): the adaptor's object under a ticket, and the calls on the core's half by its number.
#pragma once
#include "bindings/facade.h"

namespace tidemill::script {

// object: as for every object with callbacks. Answers the number. Throws argument, os, state.
std::uint64_t open_datagram(ReactorCore& core, Bytes endpoint, Bytes connect_to, bool reuse_address, bool reuse_port, int receive_buffer,
                            int send_buffer, int mode, std::int64_t object);

// False: the queue is full and this datagram was dropped. Throws argument, closed, state.
bool datagram_write(ReactorCore& core, std::uint64_t datagram, Octets octets, Bytes to);

// Nothing once it is closed; from a foreign thread they throw state.
void datagram_close(ReactorCore& core, std::uint64_t datagram);
void datagram_abort(ReactorCore& core, std::uint64_t datagram);
void datagram_pause(ReactorCore& core, std::uint64_t datagram);
void datagram_resume(ReactorCore& core, std::uint64_t datagram);

// Throw argument, closed, os, state.
void datagram_join(ReactorCore& core, std::uint64_t datagram, Bytes group, Bytes interface);
void datagram_leave(ReactorCore& core, std::uint64_t datagram, Bytes group, Bytes interface);
void datagram_set_multicast_interface(ReactorCore& core, std::uint64_t datagram, Bytes interface);
void datagram_set_multicast_ttl(ReactorCore& core, std::uint64_t datagram, int hops);
void datagram_set_multicast_loop(ReactorCore& core, std::uint64_t datagram, bool is_on);
void datagram_set_broadcast(ReactorCore& core, std::uint64_t datagram, bool is_on);

Bytes datagram_local(ReactorCore& core, std::uint64_t datagram);
Bytes datagram_peer(ReactorCore& core, std::uint64_t datagram);
Bytes datagram_state(ReactorCore& core, std::uint64_t datagram);
std::uint64_t datagram_pending(ReactorCore& core, std::uint64_t datagram);
std::uint64_t datagram_dropped(ReactorCore& core, std::uint64_t datagram);

}  // namespace tidemill::script
