#include "tidemill/reactor/call_watch.h"

#include <cstdio>

#include "tidemill/reactor/reactor.h"

namespace tidemill {

static void print(const SlowCallback& who) {
    const std::string place = who.file.empty() ? "" : " (" + who.file + ":" + std::to_string(who.line) + ")";
    std::fprintf(stderr, "tidemill: slow callback: %s %s%s took %.6f s\n", who.language.c_str(), who.name.c_str(), place.c_str(),
                 std::chrono::duration<double>(who.took).count());
}

void CallWatch::set(Duration at_least, Handler function) {
    at_least_ = at_least;
    function_ = std::move(function);
}

void CallWatch::tell(SlowCallback who, Duration took) {
    blamed_.reset();
    who.took = took;
    ++metrics_.slow_callbacks;
    if (!function_) return print(who);
    const Handler function = function_;  // it may set another
    try {
        function(who);
    } catch (...) {
        reactor_.take_exception(std::current_exception());
    }
    lap_ = clock_.now();
}

}  // namespace tidemill
