// Source: clock_getcpuclockid(3), proc_pid_smaps(5).
#include "server_process.h"

#include <cstdio>
#include <string>

#include "failure.h"

ServerProcess::ServerProcess(std::optional<pid_t> pid) : pid_(pid) {
    if (!pid) return;
    if (const int error = clock_getcpuclockid(*pid, &clock_); error != 0) {
        fail("no processor clock of process " + std::to_string(*pid) + ": " + std::generic_category().message(error));
    }
}

double ServerProcess::seconds() const {
    timespec time{};
    if (pid_ && clock_gettime(clock_, &time) != 0) fail_system("the server process is gone");
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double ServerProcess::resident() const {
    if (!pid_) return 0;
    // Not statm, which the system keeps only nearly.
    const std::string path = "/proc/" + std::to_string(*pid_) + "/smaps_rollup";
    std::FILE* file = std::fopen(path.c_str(), "r");
    if (file == nullptr) fail_system(path);
    char line[256];
    long kibibytes = -1;
    while (kibibytes < 0 && std::fgets(line, sizeof line, file) != nullptr) std::sscanf(line, "Rss: %ld kB", &kibibytes);
    std::fclose(file);
    if (kibibytes < 0) fail(path + " has no line Rss");
    return static_cast<double>(kibibytes) * 1024;
}
