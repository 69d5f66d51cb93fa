// Processes, watches and the standard input at script size (facade.h): the adaptor's object under a ticket, and the calls on the core's half
// by its number. Lists of text cross as one text, with a NUL between the parts, and their count, which shows a NUL that was in a part.
#pragma once
#include "bindings/datagram.h"
#include "bindings/facade.h"

namespace tidemill::script {

// cwd: "" for this process's. variables: -1 for this process's environment. streams: as "pipe null stdout". object: as for every object with
// callbacks. Answers the number. Throws argument, os, state.
std::uint64_t spawn_process(ReactorCore& core, Bytes argv, int count, Bytes cwd, Bytes environment, int variables, Bytes streams,
                            bool shell, Bytes kill_on_stop, std::int64_t object);

// False: above the high watermark. Throws closed, state.
bool process_write(ReactorCore& core, std::uint64_t process, Octets octets);

// False: it has ended. Throws argument, os, state.
bool process_kill(ReactorCore& core, std::uint64_t process, Bytes signal);

// Nothing once it has ended; from a foreign thread they throw state.
void process_close_stdin(ReactorCore& core, std::uint64_t process);
void process_pause(ReactorCore& core, std::uint64_t process);
void process_resume(ReactorCore& core, std::uint64_t process);

int process_pid(ReactorCore& core, std::uint64_t process);
bool process_is_there(ReactorCore& core, std::uint64_t process);
bool process_is_running(ReactorCore& core, std::uint64_t process);
std::uint64_t process_pending(ReactorCore& core, std::uint64_t process);

// Watches, as ReactorCore::on_signal. Throw argument, os, state.
std::uint64_t watch_file(ReactorCore& core, Bytes path, std::int64_t object);
std::uint64_t watch_process(ReactorCore& core, int pid, std::int64_t object);
std::uint64_t watch_fd(ReactorCore& core, int fd, bool has_readable, bool has_writable, std::int64_t object);
void fd_watch_set_readable(ReactorCore& core, std::uint64_t watch, bool is_on);
void fd_watch_set_writable(ReactorCore& core, std::uint64_t watch, bool is_on);

// As ReactorCore::connect. Throws os, state.
void open_input(ReactorCore& core, ScriptHandler& handler, bool raw);

}  // namespace tidemill::script
