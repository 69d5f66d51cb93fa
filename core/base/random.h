// Where unpredictable octets come from, as an argument: the system (sys/random.h), or a sequence that tests know.
#pragma once
#include <cstddef>

namespace tidemill {

class RandomSource {
public:
    virtual ~RandomSource() = default;

    // Fills all of it; false if the system has none to give, which no supported one does without being told to.
    [[nodiscard]] virtual bool fill(char* data, std::size_t size) = 0;
};

}  // namespace tidemill
