#include "support/faults.h"

#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <limits>
#include <vector>

namespace tidemill::test::faults {
namespace {

// Atomics and no lock: some of the calls are made by worker threads, and write() may come from a signal handler.
struct Plan {
    std::atomic<long> calls{0};
    std::atomic<long> failed{0};
    std::atomic<long> first{0};
    std::atomic<long> last{-1};
    std::atomic<int> error{0};
    std::atomic<std::size_t> most{std::numeric_limits<std::size_t>::max()};
};

constexpr std::size_t call_count = static_cast<std::size_t>(Call::count);
std::array<Plan, call_count> plans;

Plan& plan_of(Call call) {
    return plans[static_cast<std::size_t>(call)];
}

// The error that this call is to fail with; 0 if it is to be made.
int planned(Call call) {
    Plan& plan = plan_of(call);
    const long number = ++plan.calls;
    if (number < plan.first || number > plan.last) return 0;
    ++plan.failed;
    return plan.error;
}

template <class Result>
Result failure(int error) {
    errno = error;
    return static_cast<Result>(-1);
}

std::size_t cut_to(Call call, std::size_t size) {
    return std::min(size, plan_of(call).most.load());
}

}  // namespace

std::string_view name_of(Call call) {
    static constexpr std::array<std::string_view, call_count> names{
#define TIDEMILL_CALL(result, name, parameters, arguments) #name,
#define OWN_CALL TIDEMILL_CALL
#include "support/calls.def"
#undef TIDEMILL_CALL
#undef OWN_CALL
    };
    return names[static_cast<std::size_t>(call)];
}

void fail(Call call, int error, long first, long times) {
    Plan& plan = plan_of(call);
    plan.last = -1;  // no plan while it changes
    plan.error = error;
    plan.first = plan.calls + first;
    plan.last = plan.first + times - 1;
}

void cut(Call call, std::size_t most) {
    plan_of(call).most = most;
}

long calls(Call call) {
    return plan_of(call).calls;
}

long failed(Call call) {
    return plan_of(call).failed;
}

void clear() {
    for (Plan& plan : plans) {
        plan.last = -1;
        plan.calls = 0;
        plan.failed = 0;
        plan.most = std::numeric_limits<std::size_t>::max();
    }
}

}  // namespace tidemill::test::faults

using tidemill::test::faults::Call;
using tidemill::test::faults::cut_to;
using tidemill::test::faults::failure;
using tidemill::test::faults::planned;

// The linker gives the core __wrap_NAME for NAME and us NAME for __real_NAME.
extern "C" {

#define TIDEMILL_CALL(result, name, parameters, arguments)                           \
    result __real_##name parameters;                                                 \
    result __wrap_##name parameters;                                                 \
    result __wrap_##name parameters {                                                \
        if (const int error = planned(Call::name##_)) return failure<result>(error); \
        return __real_##name arguments;                                              \
    }
#define OWN_CALL(result, name, parameters, arguments) \
    result __real_##name parameters;                  \
    result __wrap_##name parameters;
#include "support/calls.def"
#undef TIDEMILL_CALL
#undef OWN_CALL

int __wrap_close(int fd) {
    const int error = planned(Call::close_);
    const int closed = __real_close(fd);
    return error == 0 ? closed : failure<int>(error);
}

int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
    const int error = planned(Call::connect_);
    if (error != 0 && error != EINTR) return failure<int>(error);
    const int connected = __real_connect(fd, address, size);
    const bool goes_on = connected == 0 || errno == EINPROGRESS;
    return error == EINTR && goes_on ? failure<int>(EINTR) : connected;
}

int __wrap_getaddrinfo(const char* host, const char* port, const addrinfo* hints, addrinfo** found) {
    if (const int error = planned(Call::getaddrinfo_)) {
        errno = EMFILE;  // what EAI_SYSTEM refers to
        return error;
    }
    return __real_getaddrinfo(host, port, hints, found);
}

unsigned int __wrap_if_nametoindex(const char* name) {
    if (const int error = planned(Call::if_nametoindex_)) {
        errno = error;
        return 0;
    }
    return __real_if_nametoindex(name);
}

ssize_t __wrap_read(int fd, void* data, std::size_t size) {
    if (const int error = planned(Call::read_)) return failure<ssize_t>(error);
    return __real_read(fd, data, cut_to(Call::read_, size));
}

ssize_t __wrap_recv(int fd, void* data, std::size_t size, int flags) {
    if (const int error = planned(Call::recv_)) return failure<ssize_t>(error);
    return __real_recv(fd, data, cut_to(Call::recv_, size), flags);
}

ssize_t __wrap_write(int fd, const void* data, std::size_t size) {
    if (const int error = planned(Call::write_)) return failure<ssize_t>(error);
    return __real_write(fd, data, cut_to(Call::write_, size));
}

int __wrap_open(const char* path, int flags, ...) {
    if (const int error = planned(Call::open_)) return failure<int>(error);
    va_list more;
    va_start(more, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return __real_open(path, flags, mode);
}

ssize_t __wrap_sendfile(int to, int from, off_t* offset, std::size_t size) {
    if (const int error = planned(Call::sendfile_)) return failure<ssize_t>(error);
    return __real_sendfile(to, from, offset, cut_to(Call::sendfile_, size));
}

ssize_t __wrap_send(int fd, const void* data, std::size_t size, int flags) {
    if (const int error = planned(Call::send_)) return failure<ssize_t>(error);
    return __real_send(fd, data, cut_to(Call::send_, size), flags);
}

ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
    if (const int error = planned(Call::sendmsg_)) return failure<ssize_t>(error);
    std::vector<iovec> parts(message->msg_iov, message->msg_iov + message->msg_iovlen);
    std::size_t room = cut_to(Call::sendmsg_, std::numeric_limits<std::size_t>::max());
    for (iovec& part : parts) {
        part.iov_len = std::min(part.iov_len, room);
        room -= part.iov_len;
    }
    msghdr cut = *message;
    cut.msg_iov = parts.data();
    return __real_sendmsg(fd, &cut, flags);
}

// What a C library compiled with _FORTIFY_SOURCE calls instead, where a distribution's compiler turns that on by itself.
ssize_t __wrap___read_chk(int fd, void* data, std::size_t size, std::size_t);
ssize_t __wrap___read_chk(int fd, void* data, std::size_t size, std::size_t) {
    return __wrap_read(fd, data, size);
}
ssize_t __wrap___recv_chk(int fd, void* data, std::size_t size, std::size_t, int flags);
ssize_t __wrap___recv_chk(int fd, void* data, std::size_t size, std::size_t, int flags) {
    return __wrap_recv(fd, data, size, flags);
}
int __wrap___poll_chk(pollfd* polled, nfds_t count, int timeout, std::size_t);
int __wrap___poll_chk(pollfd* polled, nfds_t count, int timeout, std::size_t) {
    return __wrap_poll(polled, count, timeout);
}
}
