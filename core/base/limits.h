// Every default limit and time of the product, each with its reason. No number of this kind lives anywhere else.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidemill::limits {

using namespace std::chrono_literals;

// One receive buffer serves a whole reactor: as large as a socket's usual receive queue, so that one read mostly empties it.
inline constexpr std::size_t receive_buffer = 64 * 1024;

// A page: some CPUs copy many times slower between unluckily offset addresses (docs/notes/0006).
inline constexpr std::size_t receive_alignment = 4096;

// Memory for incomplete input that the engine of an idle connection keeps, so that usual messages cost no allocation each.
inline constexpr std::size_t spare_input = 4 * 1024;

// Framing. What a peer announces is held against these before it is believed, and what it sends without announcing as it comes.
// A line: as much as one read brings, and far more than any command of a protocol of lines.
inline constexpr std::size_t frame_line = 64 * 1024;

// A text between lines, a message behind its length, a content behind its header: they are told in one piece, so this is what each
// connection may take. Whoever moves more than a mebibyte in a piece had better stream it.
inline constexpr std::size_t frame_text = 1024 * 1024;
inline constexpr std::size_t frame_message = 1024 * 1024;
inline constexpr std::size_t frame_content = 1024 * 1024;

// The lines of a header together, and how many: what HTTP servers take.
inline constexpr std::size_t frame_header = 32 * 1024;
inline constexpr std::size_t frame_header_lines = 100;

// Digits of a netstring's length: those of a gigabyte less one, which every program can count.
inline constexpr std::size_t netstring_digits = 9;

// Octets of a varint's length: 35 bits of it, so that 32 fit.
inline constexpr std::size_t varint_octets = 5;

// Events of a protocol that one connection may tell in a turn, before the others get theirs: 64 KiB may be as many lines.
inline constexpr std::size_t events_per_turn = 1024;

// Output waits in blocks of this size: big enough for one system call to carry much, small enough that a short answer wastes little.
inline constexpr std::size_t output_block = 16 * 1024;

// Free blocks kept for reuse by a reactor (4 MiB): covers a busy turn and bounds what an idle process holds.
inline constexpr std::size_t spare_blocks = 256;

// Blocks offered to one gathered write: 1 MiB, more than a socket's send queue usually takes at once.
inline constexpr std::size_t gather_blocks = 64;

// So many octets are worth a system call of their own: written at once they are sent without a copy, written bit by bit in a callback they
// are sent when it returns, and not when the turn ends, when those of other connections have pushed them out of the cache.
inline constexpr std::size_t flush_at_once = 8 * 1024;

// write() answers "wait" above the high mark and on_drain comes at the low one; a few round trips' worth on a fast network.
inline constexpr std::size_t high_watermark = 256 * 1024;
inline constexpr std::size_t low_watermark = 64 * 1024;

// A connection whose output queue would grow beyond this ends with the code limit: a peer that does not read must not fill the memory.
// 64 MiB holds any answer that a program makes in one piece, and is 256 times the high mark that a writer is asked to obey.
inline constexpr std::size_t output_limit = 64 * 1024 * 1024;

// After close() a connection of which no octet leaves for this long ends with timeout: a closing side does not read, and if the other
// one writes without reading as well, both would wait for ever. As long as a patient person.
inline constexpr auto close_timeout = 60s;

// One connection may read this much in a turn before the others get theirs, and call its handler this often: where octets come in small
// pieces, it is the calls that cost.
inline constexpr std::size_t read_per_turn = 1024 * 1024;
inline constexpr int reads_per_turn = 64;

// Octets of files that one connection sends in a turn: a fast reader must not keep the others waiting, nor a file that is in no cache.
inline constexpr std::size_t file_per_turn = 1024 * 1024;

// Connections accepted by one listener in a turn: a burst must not starve those already served.
inline constexpr int accepts_per_turn = 64;

// Connections of a listener that are open at once; 0 for any number. The descriptors that a process may have are the limit that
// there always is, and reaching it is survived (accept_retry).
inline constexpr int max_connections = 0;

// Attempts to connect that begin in a turn, with the system calls that each of them costs; the others wait for the next one.
inline constexpr int handshakes_per_turn = 256;

// Readiness reports fetched from the system by one call.
inline constexpr int events_per_wait = 512;

// The longest that set_spin may ask for. A system wakes a sleeper within some 50 us; a loop that looks longer than a scheduler's slice only
// takes the processor from those it waits for.
inline constexpr auto longest_spin = 10ms;

// While ticks queue ticks, the system is asked at least this often who is ready. A look costs ten times as much as a tick, and this is no
// longer than the callback of a busy stream.
inline constexpr auto look_interval = 20us;

// Ticks or timers that share a look at the clock for the histogram of callbacks while each takes less than its first bucket: the look then
// costs less than they do.
inline constexpr int calls_per_look = 8;

// Ticks and posted tasks wait in chunks of so many (640 octets to 40 KiB): the more are waiting, the more are made room for at once. An idle
// reactor keeps little, and asking for memory is nothing beside calling them.
inline constexpr std::size_t shortest_task_chunk = 16;
inline constexpr std::size_t longest_task_chunk = 1024;

// A lock that is held for a few dozen instructions: how often a thread that finds it held tries again before it rests, because its holder
// has lost the processor, and for how long: less than a scheduler's slice.
inline constexpr int lock_tries = 100;
inline constexpr auto lock_rest = 20us;

// Due timers called in a turn; thousands that are due together must not starve the sockets.
inline constexpr int timers_per_turn = 1024;

// Accept queue asked for; the system caps it (net.core.somaxconn).
inline constexpr int backlog = 1024;

// Whole deadline for connecting, names included. Long enough for a lost SYN or two, short enough for a person.
inline constexpr auto connect_timeout = 30s;

// Out of descriptors or memory while accepting: how long to wait before trying again.
inline constexpr auto accept_retry = 100ms;

// Out of memory in a send, a receive or when a watch is armed: how long to wait before trying again. Such shortages are short.
inline constexpr auto io_retry = 10ms;

// A full UNIX accept queue refuses at once instead of queueing as TCP does: how soon to try again, within the deadline.
inline constexpr auto connect_retry = 10ms;

// After close() has flushed, the socket stays a moment to swallow what the peer still sends: closing on unread octets would make the
// system reset the connection and could destroy the flushed answer on its way (RFC 1122 4.2.2.13, RFC 9112 9.6).
inline constexpr auto linger_time = 2s;
inline constexpr std::size_t lingering_sockets = 1024;

// Draining: how long connections may go on by themselves (as long as service managers and orchestrators usually wait), and how long
// those that were closed then may take to send what they had before they are aborted.
inline constexpr auto drain_deadline = 30s;
inline constexpr auto drain_grace = 5s;

// One direction of a memory pair; like a socket's queue it makes the writer wait.
inline constexpr std::size_t memory_pipe = 256 * 1024;

// Threads that do what reactor.defer is given. That mostly waits (for files, databases, other programs) and does not compute, so there are
// more than a machine has cores; a program that computes sets them to its cores.
inline constexpr std::size_t worker_threads = 20;

// The most that can be asked for: a thread's stack is 8 MiB of address space, and nobody has a use for more.
inline constexpr std::size_t most_worker_threads = 1024;

// Deferred work waiting for a thread; more than this is refused with the code limit: a queue that only grows ends in no memory.
inline constexpr std::size_t worker_queue = 4096;

// At a stop, what is delivered may settle something else that is delivered in turn: after so many rounds it is cut off.
inline constexpr int stop_rounds = 1000;

// Happy Eyeballs: how long one address has for itself before the next is tried beside it (RFC 8305 5 and 8).
inline constexpr auto connection_attempt_delay = 250ms;

// How long the answer to a name is kept. getaddrinfo(3) tells no time to live: long enough for a program that connects again and again,
// short enough that nobody waits for a changed /etc/hosts. That there is no such name may change at any moment, so it is kept shorter.
inline constexpr auto resolver_keeps = 10s;
inline constexpr auto resolver_keeps_failure = 1s;

// Names kept.
inline constexpr std::size_t resolver_cache = 1024;
// From the start of a TLS handshake to its end, unless connecting has a deadline: a few round trips on a bad line and a slow signature, and
// short enough that silent peers do not gather.
inline constexpr auto handshake_timeout = 10s;

// Cipher text that a TLS stream holds in either direction before it takes no more: several of the largest records (16 KiB, RFC 8446 5.1), so
// that one system call carries many.
inline constexpr std::size_t tls_queue = 128 * 1024;

// Sessions that a client's TLS context remembers, one a server name; some kilobytes each.
inline constexpr std::size_t tls_sessions = 1024;

// Threads that look names up. getaddrinfo blocks for seconds on a dead server; a few in parallel keep one such name from delaying all.
inline constexpr int resolver_threads = 4;

// Look-ups waiting for a thread; more than this is refused with the code limit.
inline constexpr std::size_t resolver_queue = 4096;

// Watches of one signal in a process: its handler looks at each, so they are few; a program has one or two a reactor.
inline constexpr std::size_t signal_subscribers = 64;
// Tables of timers and sources with more places than this shrink when they are almost empty; smaller ones are not worth the moving.
inline constexpr std::size_t spare_slots = 4096;

// Datagrams moved by one system call: at 32 the call's fixed cost is a small part of each, and a batch of the longest is 2 MiB.
inline constexpr std::size_t datagram_batch = 32;

// The longest datagram that is received; UDP's 16 bits of length (RFC 768) leave room for no longer one.
inline constexpr std::size_t datagram = 64 * 1024;

// The longest that UDP can send: 65535 less its own 8 octets, and in IPv4 less the 20 of the IP header, which that length counts in.
inline constexpr std::size_t udp4_payload = 65507;
inline constexpr std::size_t udp6_payload = 65527;

// Datagrams that one socket hands up in a turn, before the others get theirs.
inline constexpr std::size_t datagrams_per_turn = 512;

// Output of one datagram socket that waits for the system. When either is reached a new datagram is dropped and write() says so; on_drain
// comes at a quarter. UDP promises no delivery: a longer queue would only make datagrams late.
inline constexpr std::size_t datagrams_queued = 1024;
inline constexpr std::size_t datagram_octets_queued = 1024 * 1024;

// Memory for output that an idle datagram socket keeps.
inline constexpr std::size_t datagram_spare = 256 * 1024;

// The network's queue or a UNIX receiver's is full and the system will not say when there is room: how soon to try again, and after how
// long a UNIX receiver that takes nothing has lost what was meant for it.
inline constexpr auto datagram_retry = 1ms;
inline constexpr auto datagram_patience = 1s;

// Reports of lost datagrams that wait for on_lost; in a storm of them more would tell nothing new.
inline constexpr std::size_t losses_queued = 1024;
// After a child's end: how long its outputs may stay open in the hands of others, such as a daemon that it left behind, before on_exit comes.
// Its own octets are in the pipe by then and read within a turn or two.
inline constexpr auto process_grace = 1s;

// Room for the events of watched files that one read fetches; the longest event has 272 octets (inotify(7)).
inline constexpr std::size_t file_events = 16 * 1024;

// ---- WebSocket ----

// A message, after inflation: as much as a chat, a game or a dashboard sends, and a thousand clients' largest fit into a gigabyte.
inline constexpr std::size_t websocket_message = 1024 * 1024;

// Frames of one message. Who fragments does so at some kilobytes; tiny and empty frames only cost.
inline constexpr std::size_t websocket_fragments = 128;

// The payload of a control frame; the protocol's own number (RFC 6455 5.5).
inline constexpr std::size_t websocket_control = 125;

// Pings, and pongs that nobody asked for, within a second: each costs an answer or a call; who asks whether we live does it twice a minute.
inline constexpr std::size_t websocket_controls_per_second = 10;

// What may wait for a peer that does not read, above which sending is refused: a message of the largest, or seconds of many small ones.
inline constexpr std::size_t websocket_send_queue = 1024 * 1024;

// The opening handshake, from the connection's beginning: a few round trips on a bad line.
inline constexpr auto websocket_handshake = 10s;

// A silent peer is asked whether it lives before proxies (60 s is usual) take the connection for dead; how long it has for any answer.
inline constexpr auto websocket_ping_interval = 30s;
inline constexpr auto websocket_pong_timeout = 20s;

// For the answer to our close frame, which stands behind a send queue, and before which the peer may finish a message.
inline constexpr auto websocket_close_timeout = 30s;

// Messages below this are sent as they are: headers of TCP and frame make up most of them, and compressing costs some microseconds.
inline constexpr std::size_t websocket_compress_from = 1024;

// How many times larger inflation may make a message, looked at from this size on. Text seldom gains more than 1:20; DEFLATE ends at
// 1:1032.
inline constexpr std::size_t websocket_ratio = 100;
inline constexpr std::size_t websocket_ratio_from = 64 * 1024;

// Octets inflated before the limits are looked at again.
inline constexpr std::size_t inflate_step = 16 * 1024;

// Blocks marked as the last one in one compressed message: usual are none or one, and each costs a copy of 32 KiB.
inline constexpr std::size_t websocket_final_blocks = 128;

// The longest time that can be asked for: 100 years, far from any overflow in nanoseconds.
inline constexpr auto longest_time = std::chrono::hours{24 * 365 * 100};

// A periodic timer beats at most this fast: the clock's promised resolution.
inline constexpr auto shortest_period = 1ms;

// A request line or status line, without its CRLF: longer targets are refused with 414. What browsers and other servers stay below.
inline constexpr std::size_t http_start_line = 8 * 1024;

// A header section with every CRLF, refused with 431 beyond; and fields in it. Several times what browsers send with their cookies.
inline constexpr std::size_t http_section = 32 * 1024;
inline constexpr std::size_t http_fields = 100;

// Trailers, of which a body has a few if any.
inline constexpr std::size_t http_trailer_section = 4 * 1024;
inline constexpr std::size_t http_trailers = 20;

// Digits of a chunk's size: as many as 64 bits need. Octets of one chunk's extensions, and of a message's in sum: nobody uses them, and
// they would be a way to send for ever without a body that grows.
inline constexpr std::size_t http_chunk_digits = 16;
inline constexpr std::size_t http_chunk_extension = 256;
inline constexpr std::size_t http_chunk_extensions = 4 * 1024;

// The longest body whose length is believed (2^53): beyond it programs that count in floating point see another one. A body is
// streamed, so there is no lower limit by default.
inline constexpr std::uint64_t http_longest_body = std::uint64_t{1} << 53;

// Interim responses (1xx) before one response.
inline constexpr std::size_t http_interims = 64;

// Requests on one connection, so that long-lived clients spread anew over the workers and processes there are.
inline constexpr std::size_t http_requests = 1000;

// A new connection's first request; a head from its first octet to its end, however many reads that takes; an idle connection. A bad
// line needs a second or two for a head: whoever takes longer holds the connection only.
inline constexpr auto http_first_octet = 20s;
inline constexpr auto http_head = 20s;
inline constexpr auto http_idle = 60s;

// A client's wait from the end of its request to the response's first octet.
inline constexpr auto http_response = 60s;

// A body of which nothing arrives for this long is given up, and so is a request's that arrives slower than this on average, once the
// beginning is over.
inline constexpr auto http_body_progress = 30s;
inline constexpr std::uint64_t http_body_rate = 500;
inline constexpr auto http_body_rate_after = 10s;

// A server's: a body that is gathered for the program, and is answered with 413 beyond; much more belongs into a file as it comes.
inline constexpr std::size_t http_collect = 1024 * 1024;

// Octets that are read of a body which nobody wants any more, so that the connection can go on; beyond them it is closed.
inline constexpr std::uint64_t http_discard = 256 * 1024;

// Octets of further requests that wait in memory for the answer to the one before; with more of them nothing is read. It is read at all
// so that the end of a connection is seen while an answer is long in coming.
inline constexpr std::size_t http_pipelined = 64 * 1024;

// Octets of an access log's lines that wait for their file; further lines are dropped and counted. Lines wait for this long, so that many leave
// with one call; what takes none for so long (a pipe whose reader has stopped) is asked again.
inline constexpr std::size_t access_log_waiting = 1024 * 1024;
inline constexpr auto access_log_delay = 100ms;
inline constexpr auto access_log_patience = 1s;

// A whole body is compressed from this size on; a shorter one would hardly become shorter still.
inline constexpr std::size_t http_gzip_from = 256;

// Bodies and pieces of them from this size on go to the connection by themselves; shorter ones are copied behind their head.
inline constexpr std::size_t http_joined = 4 * 1024;

// ---- An HTTP client ----

// Connections to one origin: what browsers open, so that servers are used to it. In all: a program that asks many servers keeps below the
// usual 1024 descriptors. Requests that wait for one of them; more are refused with the code limit, as a queue that only grows ends in no
// memory.
inline constexpr std::size_t http_client_per_origin = 6;
inline constexpr std::size_t http_client_connections = 256;
inline constexpr std::size_t http_client_queue = 1024;

// An idle connection is kept so long: shorter than most servers keep it (60 to 75 s), so that it is rarely they who close it under a request.
inline constexpr auto http_client_keeps = 30s;

// Redirects that one request follows: more than any site means to send, and few enough to end a circle soon.
inline constexpr int http_redirects = 10;

// A body that is gathered for the program. What is larger is streamed.
inline constexpr std::size_t http_reply = 16 * 1024 * 1024;

// Request octets that are written before there is a connection for them. Above the first write() answers wait, as a connection would; above
// the second the request fails: its writer does not listen, and a thousand of them may wait.
inline constexpr std::size_t http_client_backlog = 256 * 1024;
inline constexpr std::size_t http_client_backlog_limit = 2560 * 1024;

// How many times larger decompression may make a body, looked at from this size on: text seldom gains more than 1:20; DEFLATE ends at 1:1032.
inline constexpr std::uint64_t http_inflate_ratio = 100;
inline constexpr std::uint64_t http_inflate_ratio_from = 64 * 1024;

// A body behind Expect: 100-continue waits so long for a word of the server, then it goes all the same (RFC 9110 10.1.1): servers that know
// the field answer within a round trip, and the others would never.
inline constexpr auto http_continue = 1s;

// Cookies, where a client has a jar. Name and value of one, and an attribute, which is ignored if it is longer: what browsers take, so that
// servers set none that are longer (6265bis 5.6). Those of a domain, and all of them: what RFC 6265 6.1 wants at least; the longest
// names and values fill 12 MiB. Beyond them the least recently used gives way.
inline constexpr std::size_t cookie = 4096;
inline constexpr std::size_t cookie_attribute = 1024;
inline constexpr std::size_t cookies_per_domain = 50;
inline constexpr std::size_t cookies = 3000;

// A cookie whose server names a later end is kept so long (400 days), as browsers do (6265bis 5.5): what is wanted is set again.
inline constexpr auto cookie_keeps = std::chrono::hours{24 * 400};

}  // namespace tidemill::limits
