#include "tidemill/net/input.h"

#include "tidemill/net/pipe_transport.h"

namespace tidemill {

Result<Connection*> open_input(Reactor& reactor, HandlerPtr handler, bool is_raw) {
    if (Result<void> usable = reactor.check_usable("open_input"); !usable) return usable.error();
    if (reactor.is_stopping()) return make_error(ErrorCode::state, "open_input", {}, "the reactor is stopping");
    Result<Fd> input = duplicate(0, "open_input");
    if (!input) return input.error();
    auto made = std::make_unique<Connection>(reactor, std::move(handler));
    Connection& connection = *made;
    reactor.add(std::move(made));
    connection.start(std::make_unique<InputTransport>(reactor, std::move(input).value(), is_raw));
    return &connection;
}

}  // namespace tidemill
