// A new process from a program: posix_spawn(3), which does not copy this process's memory and does in the child only what is safe there.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "tidemill/base/error.h"
#include "tidemill/sys/fd.h"

namespace tidemill {

// What the child has as one of its three standard streams.
enum class ChildStream : std::uint8_t { pipe, null, inherit, to_stdout };

struct SpawnRequest {
    std::vector<std::string> argv;                        // [0]: the program, looked up in this process's PATH unless it has a slash
    std::string cwd;                                      // "" for this process's
    std::optional<std::vector<std::string>> environment;  // "NAME=value"; nothing for this process's
    std::array<ChildStream, 3> streams{};                 // to_stdout: only for the last
};

struct Spawned {
    int pid = 0;
    Fd pidfd;
    std::array<Fd, 3> pipes;  // our ends: non-blocking, CLOEXEC; closed where the child has no pipe
};

// The child has the three streams and no other descriptor, no signal blocked, none ignored and none handled. Blocks until the program has
// been started, so that what goes wrong then is told here. Errors: argument (no program, a NUL in it), os (ENOENT, EACCES, ...; also for cwd).
Result<Spawned> spawn_process(const SpawnRequest& request);

}  // namespace tidemill
