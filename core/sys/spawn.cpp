#include "tidemill/sys/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tidemill/sys/pidfd.h"

extern char** environ;

namespace tidemill {
namespace {

// What posix_spawn is told; destroyed with it.
struct Plan {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    Plan() {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~Plan() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;
};

// A descriptor of ours that is none of the three, whatever this process has closed: the child's three are put in place one by one.
Fd above_the_three(Fd fd) {
    if (!fd.is_open() || fd.get() > 2) return fd;
    return Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

struct Pipe {
    Fd ours;
    Fd childs;
};

// is_input: the child reads from it. Only our end is non-blocking: programs do not expect that of theirs.
Result<Pipe> open_pipe(bool is_input) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return os_error(errno, "spawn");
    Pipe pipe{above_the_three(Fd(ends[is_input ? 1 : 0])), above_the_three(Fd(ends[is_input ? 0 : 1]))};
    if (!pipe.ours.is_open() || !pipe.childs.is_open()) return os_error(errno, "spawn");
    if (::fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK) != 0) return os_error(errno, "spawn");
    return pipe;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

Result<void> check(const SpawnRequest& request) {
    const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
    const auto refuse = [](std::string_view why) { return make_error(ErrorCode::argument, "spawn", {}, why); };
    if (request.argv.empty() || request.argv.front().empty()) return refuse("a program is needed");
    bool is_bad = has_nul(request.cwd);
    for (const std::string& text : request.argv) is_bad |= has_nul(text);
    if (is_bad) return refuse("neither an argument nor a directory can have a NUL in it");
    if (!request.environment) return {};
    for (const std::string& text : *request.environment) {
        if (has_nul(text) || text.find('=') == std::string::npos || text.starts_with('=')) {
            return refuse("the environment is made of NAME=value, without a NUL");
        }
    }
    return {};
}

Result<void> plan_streams(const SpawnRequest& request, Plan& plan, std::array<Pipe, 3>& pipes) {
    for (int number = 0; number < 3; ++number) {
        const auto place = static_cast<std::size_t>(number);
        switch (request.streams[place]) {
            case ChildStream::pipe: {
                Result<Pipe> opened = open_pipe(number == 0);
                if (!opened) return opened.error();
                pipes[place] = std::move(opened).value();
                posix_spawn_file_actions_adddup2(&plan.actions, pipes[place].childs.get(), number);
                break;
            }
            case ChildStream::null:
                posix_spawn_file_actions_addopen(&plan.actions, number, "/dev/null", O_RDWR, 0);
                break;
            case ChildStream::inherit:
                // Itself onto itself takes CLOEXEC away; one that is closed here stays closed there.
                if (::fcntl(number, F_GETFD) >= 0) posix_spawn_file_actions_adddup2(&plan.actions, number, number);
                break;
            case ChildStream::to_stdout:
                posix_spawn_file_actions_adddup2(&plan.actions, 1, number);
                break;
        }
    }
    posix_spawn_file_actions_addclosefrom_np(&plan.actions, 3);
    if (!request.cwd.empty()) posix_spawn_file_actions_addchdir_np(&plan.actions, request.cwd.c_str());
    return {};
}

}  // namespace

Result<Spawned> spawn_process(const SpawnRequest& request) {
    if (Result<void> checked = check(request); !checked) return checked.error();
    // Asked before there is a child: one that cannot be watched would have to be killed.
    if (Result<Fd> possible = open_pidfd(::getpid(), "spawn"); !possible) return possible.error();
    Plan plan;
    std::array<Pipe, 3> pipes;
    if (Result<void> planned = plan_streams(request, plan, pipes); !planned) return planned.error();
    const std::vector<char*> argv = pointers(request.argv);
    static const std::vector<std::string> nothing;
    const std::vector<char*> environment = pointers(request.environment ? *request.environment : nothing);
    Spawned spawned;
    pid_t pid = 0;
    const int problem =
        ::posix_spawnp(&pid, argv[0], &plan.actions, &plan.attributes, argv.data(), request.environment ? environment.data() : environ);
    if (problem != 0) return os_error(problem, "spawn", request.argv.front());
    spawned.pid = pid;
    Result<Fd> pidfd = open_pidfd(pid, "spawn");
    if (!pidfd) {
        // The last descriptor went to somebody else just now.
        ::kill(pid, SIGKILL);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        return pidfd.error();
    }
    spawned.pidfd = std::move(pidfd).value();
    for (std::size_t i = 0; i < pipes.size(); ++i) spawned.pipes[i] = std::move(pipes[i].ours);
    return spawned;
}

}  // namespace tidemill
