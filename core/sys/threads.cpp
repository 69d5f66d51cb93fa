#include "tidemill/sys/threads.h"

#include <csignal>

namespace tidemill {

void block_all_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace tidemill
