#include "tidemill/sys/signals.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <mutex>

#include "tidemill/base/limits.h"
#include "tidemill/sys/fork_guard.h"

namespace tidemill {

namespace {

// What the handler looks at: descriptors, each as its number plus one (0: a free place), written under the mutex only; and the action
// that was there before.
struct Subscribers {
    std::array<std::atomic<int>, limits::signal_subscribers> fds;
    int count = 0;
    std::uint32_t fork_generation = 0;
    struct sigaction before{};
};

std::mutex mutex;
std::array<Subscribers, NSIG> all;

struct Name {
    std::string_view name;
    int number;
};

constexpr Name names[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},
    {"ALRM", SIGALRM}, {"TERM", SIGTERM},     {"CHLD", SIGCHLD}, {"CONT", SIGCONT}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN},
    {"TTOU", SIGTTOU}, {"URG", SIGURG},       {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"VTALRM", SIGVTALRM}, {"PWR", SIGPWR},
};

// Only what signal-safety(7) allows.
void on_signal(int number) {
    const int saved = errno;
    Subscribers& subscribers = all[static_cast<std::size_t>(number)];
    if (subscribers.fork_generation != fork_generation()) {
        // A child of fork() that never asked for this: its parent's loop must not hear of it, and the signal keeps its old meaning.
        sigaction(number, &subscribers.before, nullptr);
        raise(number);
    } else {
        for (std::atomic<int>& fd : subscribers.fds) {
            const int open = fd.load() - 1;
            const std::uint64_t one = 1;
            if (open >= 0) static_cast<void>(!::write(open, &one, sizeof one));
        }
    }
    errno = saved;
}

Result<void> install(int number, Subscribers& subscribers) {
    struct sigaction action{};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    watch_forks();
    subscribers.fork_generation = fork_generation();
    if (sigaction(number, &action, &subscribers.before) != 0) return os_error(errno, "sigaction");
    return {};
}

}  // namespace

int signal_number(std::string_view name) {
    std::string upper;
    for (const char c : name) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    std::string_view bare = upper;
    if (bare.starts_with("SIG")) bare.remove_prefix(3);
    for (const Name& known : names) {
        if (known.name == bare) return known.number;
    }
    return 0;
}

Result<void> SignalFd::open(std::string_view name) {
    const int number = signal_number(name);
    if (number == 0) {
        return make_error(ErrorCode::argument, "on_signal", name,
                          "no signal of that name can be waited for; there are TERM, INT, HUP, USR1 and others");
    }
    fd_ = Fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!fd_.is_open()) return os_error(errno, "eventfd", name);
    const std::lock_guard lock(mutex);
    Subscribers& subscribers = all[static_cast<std::size_t>(number)];
    if (subscribers.count > 0 && subscribers.fork_generation != fork_generation()) {
        for (std::atomic<int>& fd : subscribers.fds) fd.store(0);  // the parent's
        sigaction(number, &subscribers.before, nullptr);
        subscribers.count = 0;
    }
    for (std::atomic<int>& fd : subscribers.fds) {
        if (fd.load() != 0) continue;
        if (subscribers.count == 0) {
            if (Result<void> installed = install(number, subscribers); !installed) return installed;
        }
        ++subscribers.count;
        signal_ = number;
        fd.store(fd_.get() + 1);
        return {};
    }
    return make_error(ErrorCode::limit, "on_signal", name, "too many wait for this signal");
}

void SignalFd::close() {
    if (signal_ == 0) return;
    const std::lock_guard lock(mutex);
    Subscribers& subscribers = all[static_cast<std::size_t>(std::exchange(signal_, 0))];
    for (std::atomic<int>& fd : subscribers.fds) {
        if (fd.load() != fd_.get() + 1 || subscribers.fork_generation != fork_generation()) continue;
        fd.store(0);
        const int number = static_cast<int>(&subscribers - all.data());
        if (--subscribers.count == 0) sigaction(number, &subscribers.before, nullptr);
        break;
    }
    fd_.reset();
}

bool SignalFd::take() {
    std::uint64_t count = 0;
    return ::read(fd_.get(), &count, sizeof count) == sizeof count;
}

}  // namespace tidemill
