// defer: work on another thread, its result back in the loop.
//
//     defer(reactor, [] { return hash_of("big.iso"); }).value().on_success([](const std::string& hash) { ... });
#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "tidemill/reactor/deferred.h"
#include "tidemill/reactor/work_threads.h"

namespace tidemill {

// What work comes to: a T for one that answers T or Result<T>, std::monostate for one that answers nothing.
template <class T>
struct DeferredValue {
    using Type = T;
};
template <class T>
struct DeferredValue<Result<T>> : DeferredValue<T> {};
template <>
struct DeferredValue<void> {
    using Type = std::monostate;
};
template <class Work>
using DeferredOf = typename DeferredValue<std::decay_t<std::invoke_result_t<Work&>>>::Type;

// Calls it on this thread; what it throws is an error with the code work.
template <class Work>
Result<DeferredOf<Work>> outcome_of(Work& work) {
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<Work&>>) {
            work();
            return std::monostate{};
        } else if constexpr (std::is_same_v<std::decay_t<std::invoke_result_t<Work&>>, Result<void>>) {
            if (Result<void> done = work(); !done) return done.error();
            return std::monostate{};
        } else {
            return work();
        }
    } catch (const std::exception& exception) {
        return make_error(ErrorCode::work, "defer", {}, exception.what());
    } catch (...) {
        return make_error(ErrorCode::work, "defer", {}, "something was thrown that is no std::exception");
    }
}

// Calls work() on one of the reactor's worker threads; done, or on_success of what is returned, gets its result from the loop. work and
// its result are handed from one thread to the other and never used by both. cancel() takes back work that has not begun; work under
// way cannot be stopped, its result is dropped. Threads: reactor.service<WorkThreads>().set_threads(). Errors of the call: limit, state.
template <class Work>
Result<Deferred<DeferredOf<Work>>> defer(Reactor& reactor, Work work,
                                         std::type_identity_t<std::function<void(const DeferredOf<Work>&)>> done = {}) {
    using Value = DeferredOf<Work>;
    WorkThreads& workers = reactor.service<WorkThreads>();
    const auto job = std::make_shared<std::uint64_t>(0);
    const Deferred<Value> deferred(reactor, [&workers, job] { workers.cancel(*job); });
    const auto outcome = std::make_shared<std::optional<Result<Value>>>();
    // Shared, because a Task can be copied and work perhaps not.
    auto shared = std::make_shared<Work>(std::move(work));
    const Result<std::uint64_t> submitted = workers.submit([outcome, shared = std::move(shared)] { outcome->emplace(outcome_of(*shared)); },
                                                           [deferred, outcome](const Error& error) {
                                                               if (error.is_set()) {
                                                                   deferred.fail(error);
                                                               } else if (Result<Value>& result = **outcome; result.ok()) {
                                                                   deferred.succeed(std::move(result).value());
                                                               } else {
                                                                   deferred.fail(result.error());
                                                               }
                                                           });
    if (!submitted) return submitted.error();
    *job = submitted.value();
    if (done) deferred.on_success(std::move(done));
    return deferred;
}

}  // namespace tidemill
