// Unpredictable octets of the system, by getrandom(2).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "tidemill/base/random.h"

namespace tidemill {

// Fetches them in batches, so that four for a mask cost no system call. What was given out is wiped, and a fork begins with nothing of its
// parent's. One thread at a time.
class SystemRandom final : public RandomSource {
public:
    SystemRandom();
    [[nodiscard]] bool fill(char* data, std::size_t size) override;

private:
    bool fetch();

    // The most that getrandom(2) gives at once and uninterrupted.
    std::array<char, 256> batch_;
    std::size_t used_ = 256;
    std::uint32_t generation_ = 0;  // the fork that the batch belongs to
};

}  // namespace tidemill
