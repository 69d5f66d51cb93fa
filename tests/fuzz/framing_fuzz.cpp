// libFuzzer: whatever octets come, every framing engine keeps the contract of engine.h, cut as splits.h cuts. The first octet chooses the
// engine, the second its limits; the rest is the input. tests/fuzz/seeds.py makes inputs of the scenarios.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "support/framing.h"

using namespace tidemill;

static std::string breach(unsigned engine, std::size_t limit, const std::string& input) {
    switch (engine % 6) {
        case 0:
            return test::breach_of_contract(test::line_subject({limit, limit}), input);
        case 1:
            return test::breach_of_contract(test::batch_subject({limit, limit}), input);
        case 2:
            return test::breach_of_contract(test::message_subject(test::all_prefixes[engine / 6 % 8], limit), input);
        case 3:
            return test::breach_of_contract(test::frame_subject<NetstringEngine>(NetstringOptions{limit}), input);
        case 4:
            return test::breach_of_contract(test::frame_subject<BlockEngine>(limit + 1), input);
        default:
            return test::breach_of_contract(test::header_content_subject({2 * limit, limit / 4 + 1, limit}), input);
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > 300) return 0;
    const std::string input(reinterpret_cast<const char*>(data + 2), size - 2);
    const std::string found = breach(data[0], data[1], input);
    if (found.empty()) return 0;
    std::fprintf(stderr, "engine %u, limit %u: %s\n", data[0], data[1], found.c_str());
    std::abort();
}
