// A process by descriptor (pidfd_open(2)): its end is readiness, and signals reach this process or nobody, never one that got its number
// later. Nothing here needs SIGCHLD or touches the children of other libraries.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "tidemill/base/error.h"
#include "tidemill/sys/fd.h"

namespace tidemill {

// How a process ended: by itself with a code, or by a signal. Neither: that is not known, because the reactor stopped before or because
// somebody else asked the system for it.
struct ExitStatus {
    std::optional<int> code;  // 0 to 255
    std::string signal;       // "KILL"; "" if it was none

    bool is_success() const { return code == 0; }
};

// "TERM", "SIGTERM" (any case), also of signals that cannot be waited for, such as KILL; 0 if there is none of that name.
int any_signal_number(std::string_view name);

// "TERM"; the number as text for one without a name.
std::string signal_name(int number);

// Readable once the process has ended. Errors: argument, os (ESRCH: no such process; ENOSYS: Linux before 5.3).
Result<Fd> open_pidfd(int pid, std::string_view operation);

// Errors: os.
Result<void> send_signal(int pidfd, int signal);

// Reaps a child that has ended; nothing while it runs.
std::optional<ExitStatus> take_exit(int pidfd);

// Reaps the child when it ends, whenever that is, by a thread that lives as long as there is something to wait for. Any thread.
void reap_later(Fd pidfd);

}  // namespace tidemill
