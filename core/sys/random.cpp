#include "tidemill/sys/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tidemill/sys/fork_guard.h"

namespace tidemill {

SystemRandom::SystemRandom() {
    watch_forks();
}

bool SystemRandom::fetch() {
    ssize_t count = 0;
    do {
        count = getrandom(batch_.data(), batch_.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count < static_cast<ssize_t>(batch_.size())) return false;
    used_ = 0;
    return true;
}

bool SystemRandom::fill(char* data, std::size_t size) {
    if (generation_ != fork_generation()) {
        generation_ = fork_generation();
        used_ = batch_.size();
    }
    while (size > 0) {
        if (used_ == batch_.size() && !fetch()) return false;
        const std::size_t count = std::min(size, batch_.size() - used_);
        std::memcpy(data, batch_.data() + used_, count);
        std::memset(batch_.data() + used_, 0, count);
        used_ += count;
        data += count;
        size -= count;
    }
    return true;
}

}  // namespace tidemill
