// HttpExchange's wait for 100 (RFC 9110 10.1.1): with `Expect: 100-continue` the body stays here until the server wants it, or has been silent
// for a while.
//
// A final answer instead ends the wait. 2xx: the body goes, as somebody has agreed to it. Otherwise it does not, and the connection, on which
// nobody could tell a body from the next request, closes behind the answer. After 417 the request is sent once more without the field.
#include "tidemill/serve/http_exchange.h"

namespace tidemill {

void HttpExchange::await_continue() {
    is_body_held_ = true;
    patience_ = reactor_.call_later(limits::http_continue, [self = shared_from_this()] {
        ++self->reactor_.count().http_client_continue_timeouts;
        self->release_body();
    });
}

void HttpExchange::release_body() {
    if (!is_body_held_) return;
    stop_waiting();
    if (connection_ != nullptr && !is_over_) send_body();
}

// A final answer came.
void HttpExchange::settle_continue(int status) {
    if (!is_body_held_) return;
    if (status / 100 == 2) return release_body();
    patience_.cancel();
    if (status != 417) return;
    drop_fields({"Expect"});
    is_to_repeat_ = true;
}

void HttpExchange::stop_waiting() {
    is_body_held_ = false;
    patience_.cancel();
}

}  // namespace tidemill
