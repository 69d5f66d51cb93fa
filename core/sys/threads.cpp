#include "tidemill/sys/threads.h"

#include <sched.h>

#include <algorithm>
#include <csignal>
#include <thread>

namespace tidemill {

void block_all_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

int usable_cores() {
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0) return std::max(1, CPU_COUNT(&cores));
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));  // more than 1024 of them
}

}  // namespace tidemill
