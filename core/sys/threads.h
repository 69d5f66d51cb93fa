// What worker threads need from the system.
#pragma once

namespace tidemill {

// Leaves every signal to the program's own threads: a library's worker must not be the one that SIGINT interrupts.
void block_all_signals();

}  // namespace tidemill
