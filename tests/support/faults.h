// Faults: makes chosen system calls of the core fail with a chosen errno, or transfer only a few octets. Only in a program that is linked
// with the --wrap options of tests/CMakeLists.txt (docs/notes/0011 says why there).
#pragma once
#include <cstddef>
#include <string_view>

namespace tidemill::test::faults {

enum class Call : int {
#define TIDEMILL_CALL(result, name, parameters, arguments) name##_,
#define OWN_CALL TIDEMILL_CALL
#include "support/calls.def"
#undef TIDEMILL_CALL
#undef OWN_CALL
    count
};

std::string_view name_of(Call call);

// From the first-th call from now on, `times` of them fail. error: errno; for getaddrinfo an EAI_ code. A second plan for a call replaces
// the first. What the system does in spite of an error it does here too: a close() that fails closes, a connect() that is
// interrupted goes on. Any thread.
inline constexpr long for_ever = 1'000'000'000;
void fail(Call call, int error, long first = 1, long times = 1);

// read, recv, write, send, sendfile and sendmsg transfer at most so many octets.
void cut(Call call, std::size_t most);

// How often it was called since clear().
long calls(Call call);

// How many of them failed by plan.
long failed(Call call);

// No plans; all counts are zero.
void clear();

struct Guard {
    Guard() { clear(); }
    ~Guard() { clear(); }
};

}  // namespace tidemill::test::faults
