#include "tidemill/sys/fd.h"

#include <unistd.h>

namespace tidemill {

void Fd::reset() {
    // Not repeated after EINTR: on Linux the descriptor is gone by then, and a second close could hit a newcomer (close(2)).
    if (number_ >= 0) ::close(std::exchange(number_, -1));
}

}  // namespace tidemill
