// Watch: what all watches have in common. A watch calls a function from the loop when something outside of streams happens: a signal
// came, a file changed, a process ended, a descriptor is ready.
#pragma once
#include "tidemill/reactor/reactor.h"
#include "tidemill/sys/type_name.h"

namespace tidemill {

// Owned by its reactor: valid until close(), or until the reactor stops.
class Watch : public Source {
public:
    explicit Watch(Reactor& reactor) : reactor_(reactor) {}

    bool is_open() const { return is_open_; }

    // The function is not called after this. A second close does nothing.
    void close();

    void on_stop() override { close(); }
    void abandon(bool is_fork) final;

protected:
    // Lets go of what the system holds for the watch; is_fork: only of what is this process's own.
    virtual void let_go(bool is_fork) = 0;

    // Calls the user, under the reactor's policy for what he raises.
    template <class Call>
    void deliver(Call call) {
        const std::type_info& type = typeid(*this);
        const auto make = [&] {
            try {
                call();
            } catch (...) {
                static_cast<void>(reactor_.take_exception(std::current_exception()));
            }
        };
        reactor_.call_watch().around(make, [&] { return SlowCallback{"C++", type_name(type)}; });
    }

    Reactor& reactor_;

private:
    bool is_open_ = true;
};

// nullptr if there is no such watch (any more).
Watch* find_watch(Reactor& reactor, SourceId id);

// Gives a new watch to its reactor and starts it; the common part of on_signal, watch_file and the others.
template <class Kind>
Result<Kind*> add_watch(Reactor& reactor, std::unique_ptr<Kind> made) {
    Kind& watch = *made;
    reactor.add(std::move(made));
    if (Result<void> started = watch.start(); !started) {
        watch.close();
        return started.error();
    }
    return &watch;
}

}  // namespace tidemill
