// open_input: this program's standard input as a connection.
#pragma once
#include "tidemill/net/connection.h"

namespace tidemill {

// Octets come as on_data, the end as on_end; writing fails. Descriptor 0 is neither closed nor changed and may be a terminal, a pipe, a socket
// or a file. is_raw: a terminal gives each key at once and shows none (Ctrl-C still is a signal); its settings come back with
// on_close and when the reactor is destroyed. Errors: os, state.
Result<Connection*> open_input(Reactor& reactor, HandlerPtr handler, bool is_raw = false);

}  // namespace tidemill
