// WithoutSigpipe: unlike send(2), sendfile(2) and write(2) have no flag against SIGPIPE, which ends a program that has not said otherwise. So it
// is held back for the call and, if the call has raised it, taken away.
#pragma once
#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace tidemill {

#ifdef __linux__

class WithoutSigpipe {
public:
    WithoutSigpipe() {
        sigset_t pending;
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        was_pending_ = ::sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~WithoutSigpipe() {
        const int kept = errno;
        if (is_raised_ && !was_pending_) {
            const timespec at_once{};
            while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
            }
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = kept;
    }
    WithoutSigpipe(const WithoutSigpipe&) = delete;
    WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
    void raised() { is_raised_ = true; }

private:
    sigset_t pipe_;
    sigset_t before_;
    bool was_pending_ = false;
    bool is_raised_ = false;
};

#else

// There is no sigtimedwait(2) to take it away with: programs ignore the signal themselves.
class WithoutSigpipe {
public:
    WithoutSigpipe() {}
    void raised() {}
};

#endif

}  // namespace tidemill
