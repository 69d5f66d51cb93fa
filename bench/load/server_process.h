// What the server costs, as the system counts it: processor time and memory.
#pragma once
#include <ctime>
#include <optional>

#include <sys/types.h>

class ServerProcess {
public:
    explicit ServerProcess(std::optional<pid_t> pid);

    bool is_known() const { return pid_.has_value(); }

    // Of all its threads, in nanoseconds from the scheduler, not in ticks of 10 ms. 0 if it is not known.
    double seconds() const;

    // Octets of memory that it really has. 0 if it is not known.
    double resident() const;

private:
    std::optional<pid_t> pid_;
    clockid_t clock_{};
};
