// Every system call that the core makes, failing with every errno that its manual page gives a reason for, at each place of an exchange
// once and from there on for ever: nothing crashes, hangs, leaks, or tells a handler anything out of order.
#include <doctest/doctest.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "faults/exchange.h"
#include "support/faults.h"
#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;
using faults::Call;

namespace {

struct Trouble {
    Call call;
    std::vector<int> errors;  // the manual page's, without those that only a wrong argument brings
};

const std::vector<Trouble> troubles{
    {Call::accept4_,
     {EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
      EOPNOTSUPP, ENETUNREACH, ETIMEDOUT, ENOSYS, EINTR}},
    {Call::bind_, {EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOENT, ENOMEM, ENOTDIR, EROFS, ELOOP}},
    {Call::chmod_, {EPERM, EROFS, EIO, ENOMEM, ENOENT}},
    {Call::close_, {EINTR, EIO, ENOSPC, EDQUOT}},
    {Call::connect_,
     {EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAGAIN, ECONNREFUSED, ENETUNREACH, ETIMEDOUT, EHOSTUNREACH, ENOMEM, ENOBUFS, EPROTOTYPE,
      EINTR}},
    {Call::epoll_create1_, {EMFILE, ENFILE, ENOMEM}},
    {Call::epoll_ctl_, {ENOMEM, ENOSPC}},
    {Call::epoll_wait_, {EINTR}},
    {Call::eventfd_, {EMFILE, ENFILE, ENODEV, ENOMEM}},
    {Call::fstat_, {EIO, ENOMEM, EOVERFLOW}},
    {Call::getpeername_, {ENOBUFS, ENOTCONN}},
    {Call::getrandom_, {ENOSYS, EINTR}},
    {Call::getsockname_, {ENOBUFS}},
    {Call::getsockopt_, {ENOPROTOOPT, ENOBUFS}},
    {Call::listen_, {EADDRINUSE, EOPNOTSUPP}},
    {Call::open_, {EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ELOOP, EINTR}},
    {Call::pipe2_, {EMFILE, ENFILE}},
    {Call::poll_, {EINTR, ENOMEM, EINVAL}},
    {Call::read_, {EAGAIN, EIO, EINTR}},
    {Call::recv_, {EAGAIN, ECONNREFUSED, ECONNRESET, ENOMEM, ENOBUFS, ENOTCONN, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, EINTR}},
    {Call::recvmmsg_, {EAGAIN, ECONNREFUSED, ENOMEM, ENOBUFS, EHOSTUNREACH, ENETDOWN, EINTR}},
    {Call::recvmsg_, {EAGAIN, ENOMEM, EINTR}},
    {Call::sendmmsg_, {EAGAIN, EACCES, EPERM, ECONNREFUSED, EMSGSIZE, ENOBUFS, ENOMEM, ENETUNREACH, EHOSTUNREACH, ENETDOWN, EINVAL, EINTR}},
    {Call::send_, {EAGAIN, ECONNRESET, ENOBUFS, ENOMEM, EPIPE, ENOTCONN, ETIMEDOUT, EPERM, EACCES, EHOSTUNREACH, ENETUNREACH, EINTR}},
    {Call::sendmsg_, {EAGAIN, ECONNRESET, ENOBUFS, ENOMEM, EPIPE, ENOTCONN, ETIMEDOUT, EPERM, EACCES, EHOSTUNREACH, ENETUNREACH, EINTR}},
    {Call::sendfile_, {EAGAIN, ECONNRESET, EIO, ENOBUFS, ENOMEM, EPIPE, ETIMEDOUT, ENOSYS, EINVAL, EINTR}},
    {Call::sigpending_, {EFAULT}},
    {Call::sigtimedwait_, {EAGAIN}},
    {Call::setsockopt_, {ENOPROTOOPT, ENOMEM, ENOBUFS}},
    {Call::shutdown_, {ENOTCONN, ENOBUFS}},
    {Call::socket_, {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT, EPROTONOSUPPORT}},
    {Call::stat_, {EACCES, ENOENT, ENOMEM}},
    {Call::timerfd_create_, {EMFILE, ENFILE, ENODEV, ENOMEM}},
    {Call::timerfd_settime_, {ECANCELED}},
    {Call::unlink_, {EACCES, EBUSY, EPERM, EROFS}},
    {Call::write_, {EAGAIN, EINTR}},
};

const std::vector<std::string> sockets{"tcp4", "unix"};

// The first calls and the last ones: an echo makes many that are alike.
std::vector<long> places(long calls) {
    constexpr long first = 24, last = 4;
    std::vector<long> all;
    for (long place = 1; place <= calls; ++place) {
        if (place <= first || place > calls - last) all.push_back(place);
    }
    return all;
}

template <class Body>
void in_every_exchange(Body body) {
    on_every_poller([&](const std::string& poller) {
        for (const std::string& transport : sockets) {
            CAPTURE(transport);
            body(Exchange{poller, transport});
        }
    });
}

void try_with(const Exchange& exchange, Call call, int error, long place, long times) {
    faults::clear();
    faults::fail(call, error, place, times);
    const std::string problem = exchange.problem();
    INFO(faults::name_of(call) << " fails with " << errno_name(error) << " from call " << place << " on, times: " << times);
    CHECK(problem == "");
}

}  // namespace

TEST_CASE("exchange_without_trouble_makes_the_calls") {
    const faults::Guard guard;
    in_every_exchange([](const Exchange& exchange) {
        faults::clear();
        CHECK(exchange.problem() == "");
        for (const Call call : {Call::accept4_, Call::recv_, Call::send_, Call::shutdown_, Call::close_}) {
            CAPTURE(faults::name_of(call));
            CHECK(faults::calls(call) > 0);
        }
    });
}

TEST_CASE("exchange_keeps_its_promises_whatever_fails_once") {
    const faults::Guard guard;
    in_every_exchange([](const Exchange& exchange) {
        for (const Trouble& trouble : troubles) {
            faults::clear();
            REQUIRE(exchange.problem() == "");
            for (const long place : places(faults::calls(trouble.call))) {
                for (const int error : trouble.errors) try_with(exchange, trouble.call, error, place, 1);
            }
        }
    });
}

TEST_CASE("exchange_keeps_its_promises_whatever_fails_from_some_call_on") {
    const faults::Guard guard;
    in_every_exchange([](const Exchange& exchange) {
        for (const Trouble& trouble : troubles) {
            faults::clear();
            REQUIRE(exchange.problem() == "");
            const long calls = faults::calls(trouble.call);
            for (const int error : trouble.errors) {
                if (error == EINTR) continue;  // an endless storm of signals: repeating the call is all that can be done
                for (const long place : {1L, 2L, 3L, calls / 2, calls}) {
                    if (place >= 1 && place <= calls) try_with(exchange, trouble.call, error, place, faults::for_ever);
                }
            }
        }
    });
}

TEST_CASE("exchange_keeps_its_promises_when_it_is_stopped_in_trouble") {
    const faults::Guard guard;
    in_every_exchange([](Exchange exchange) {
        for (const Trouble& trouble : troubles) {
            for (exchange.stop_at = 2; exchange.stop_at < 12; exchange.stop_at += 3) {
                try_with(exchange, trouble.call, trouble.errors.front(), 1, faults::for_ever);
                try_with(exchange, trouble.call, trouble.errors.back(), 2, 1);
            }
        }
    });
}

TEST_CASE("exchange_in_pieces_loses_nothing") {
    const faults::Guard guard;
    in_every_exchange([](const Exchange& exchange) {
        for (const std::size_t most : {std::size_t{1000}, std::size_t{4097}, std::size_t{70'001}}) {
            faults::clear();
            for (const Call call : {Call::recv_, Call::send_, Call::sendmsg_, Call::sendfile_}) faults::cut(call, most);
            CAPTURE(most);
            CHECK(exchange.problem() == "");
        }
    });
}
