// What worker threads need from the system.
#pragma once

namespace tidemill {

// Leaves every signal to the program's own threads: a library's worker must not be the one that SIGINT interrupts.
void block_all_signals();

// How many cores this process may use (sched_getaffinity(2)), at least 1.
int usable_cores();

}  // namespace tidemill
