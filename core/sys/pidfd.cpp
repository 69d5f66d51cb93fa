#include "tidemill/sys/pidfd.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

#include "tidemill/sys/fork_guard.h"
#include "tidemill/sys/waker.h"

namespace tidemill {

// The C library of Debian 12 has no wrapper for it yet.
static constexpr auto by_pidfd = static_cast<idtype_t>(3);  // P_PIDFD

int any_signal_number(std::string_view name) {
    std::string upper;
    for (const char c : name) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    std::string_view bare = upper;
    if (bare.starts_with("SIG")) bare.remove_prefix(3);
    for (int number = 1; number < NSIG; ++number) {
        const char* known = sigabbrev_np(number);
        if (known != nullptr && bare == known) return number;
    }
    return 0;
}

std::string signal_name(int number) {
    const char* known = sigabbrev_np(number);
    return known == nullptr ? std::to_string(number) : known;
}

Result<Fd> open_pidfd(int pid, std::string_view operation) {
    if (pid <= 0) return make_error(ErrorCode::argument, operation, std::to_string(pid), "a process has a number above 0");
    Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // always CLOEXEC
    if (fd.is_open()) return fd;
    Error error = os_error(errno, operation, std::to_string(pid));
    if (error.os == ENOSYS || error.os == EPERM) error.detail = "processes cannot be watched here: pidfd_open(2) needs Linux 5.3";
    return error;
}

Result<void> send_signal(int pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0) return {};
    return os_error(errno, "kill");
}

std::optional<ExitStatus> take_exit(int pidfd) {
    siginfo_t info{};
    int answer = 0;
    do {
        answer = ::waitid(by_pidfd, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
    } while (answer != 0 && errno == EINTR);
    if (answer != 0) return ExitStatus{};  // ECHILD: somebody else reaped it, or the program ignores SIGCHLD
    if (info.si_pid == 0) return std::nullopt;
    if (info.si_code == CLD_EXITED) return ExitStatus{info.si_status & 0xff, {}};
    return ExitStatus{{}, signal_name(info.si_status)};
}

// ---- children that nobody waits for any more ----

namespace {

// Never destroyed: the thread may outlive the statics.
struct Orphans {
    std::mutex mutex;
    ForkHold hold{mutex};
    std::vector<Fd> waiting;  // given to the thread, which has not looked yet
    Waker waker;
    bool has_thread = false;
    std::uint32_t fork_generation = 0;
};

Orphans& orphans() {
    static Orphans& all = *new Orphans;
    return all;
}

// One look at all of them, after waiting for one to end or for another to come.
void wait_for(std::vector<Fd>& children) {
    std::vector<pollfd> polled{{orphans().waker.fd(), POLLIN, 0}};
    for (const Fd& child : children) polled.push_back({child.get(), POLLIN, 0});
    ::poll(polled.data(), polled.size(), -1);
    orphans().waker.drain();
    std::erase_if(children, [](const Fd& child) { return take_exit(child.get()).has_value(); });
}

void* reap_all(void*) {
    std::vector<Fd> children;
    for (;;) {
        {
            const std::lock_guard lock(orphans().mutex);
            for (Fd& child : orphans().waiting) children.push_back(std::move(child));
            orphans().waiting.clear();
            if (children.empty()) {
                orphans().has_thread = false;
                return nullptr;
            }
        }
        wait_for(children);
    }
}

// A module of an interpreter may be unloaded while the thread is in its code: it stays for good.
void stay_loaded() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(&reap_all), &info) != 0)
        static_cast<void>(dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE));
}

// The program's signals are for its own threads.
bool start_thread() {
    stay_loaded();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    const bool started = pthread_create(&thread, nullptr, reap_all, nullptr) == 0;
    if (started) pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
}

}  // namespace

void reap_later(Fd pidfd) {
    if (take_exit(pidfd.get())) return;
    Orphans& all = orphans();
    const std::lock_guard lock(all.mutex);
    if (all.fork_generation != fork_generation()) {
        // First use, or a forked child, which has neither the thread nor the children of its parent.
        all.waiting.clear();
        all.has_thread = false;
        all.fork_generation = fork_generation();
        if (!all.waker.open()) return;  // a zombie until the program ends is the lesser evil than failing here
        all.waker.drain();
    }
    all.waiting.push_back(std::move(pidfd));
    if (all.has_thread) {
        all.waker.wake();
    } else {
        all.has_thread = start_thread();
    }
}

}  // namespace tidemill
