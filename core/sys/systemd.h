// What a service manager gives a service: listening sockets that it opened (sd_listen_fds(3)) and a place to say how one is
// (sd_notify(3)). Both are a few environment variables; libsystemd is not needed.
#pragma once
#include <string_view>

#include "tidemill/base/error.h"
#include "tidemill/sys/socket.h"

namespace tidemill {

// Looks at LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES and makes what they announce this process's own: CLOEXEC and non-blocking. Called by
// whoever needs a socket; before a fork it lets the children have them too, who are not the process that LISTEN_PID names. Any thread.
void inherit_sockets();

// A copy of an inherited socket, so that several reactors may listen on the same. name: one of LISTEN_FDNAMES, or a place: "0" is the first.
// Errors: argument (there is none, or it is no listening stream socket), os.
Result<ListeningSocket> inherited_listening_socket(std::string_view name);

// Sends "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..." to the service manager. False: there is none (no NOTIFY_SOCKET), nothing was
// done. Never waits. Errors: os, argument (a NOTIFY_SOCKET that is no UNIX socket).
Result<bool> notify_systemd(std::string_view state);

}  // namespace tidemill
