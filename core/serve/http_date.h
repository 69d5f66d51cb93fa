// HttpDate: the field Date of a reactor's answers, written anew once a second (RFC 9110 5.6.7 and 6.6.1).
#pragma once
#include <cstdint>
#include <ctime>
#include <string>

#include "tidemill/base/bytes.h"
#include "tidemill/reactor/reactor.h"

namespace tidemill {

// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::time_t time);

// What such a text says, in its newest form only; -1 if it says nothing.
std::time_t parse_http_date(Bytes text);

class HttpDate {
public:
    explicit HttpDate(Reactor& reactor) : reactor_(reactor) {}

    Bytes now() {
        // The clock is asked once a turn.
        if (std::exchange(turn_, reactor_.turn_number()) != reactor_.turn_number()) update();
        return text_;
    }

private:
    void update();

    Reactor& reactor_;
    std::uint64_t turn_ = ~std::uint64_t{0};
    std::time_t second_ = 0;
    std::string text_;
};

}  // namespace tidemill
