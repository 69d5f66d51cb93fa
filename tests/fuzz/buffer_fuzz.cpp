// libFuzzer: a Buffer under any sequence of append, consume and clear holds exactly what a std::string holds.
#include <tidemill/base/buffer.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

using namespace tidemill;

static std::string content(const Buffer& buffer) {
    std::vector<Slice> slices(64);
    std::string all;
    const std::size_t count = buffer.peek(slices.data(), slices.size());
    for (std::size_t i = 0; i < count; ++i) all.append(slices[i].data, slices[i].size);
    return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static BlockPool pool;
    Buffer buffer(pool);
    std::string model;
    for (std::size_t i = 0; i + 2 < size; i += 3) {
        const std::size_t amount = std::size_t{data[i + 1]} << 8 | data[i + 2];
        if (data[i] < 128 && model.size() < 500'000) {
            const std::string octets(amount, static_cast<char>(data[i]));
            buffer.append(octets);
            model += octets;
        } else if (data[i] < 250) {
            const std::size_t count = std::min(amount, model.size());
            buffer.consume(count);
            model.erase(0, count);
        } else {
            buffer.clear();
            model.clear();
        }
        if (buffer.size() != model.size() || content(buffer) != model) std::abort();
    }
    return 0;
}
