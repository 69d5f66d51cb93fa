// Gate: what an interpreter wants done around the wait, so that its other threads run while the loop sleeps and its signals are seen.
#pragma once

namespace tidemill {

class Gate {
public:
    virtual ~Gate() = default;

    // Calls wait(argument) with the interpreter's lock released. Only for a wait that sleeps: a look with zero timeout is done with
    // the lock held, because giving it up costs more than the look.
    virtual void sleep(void (*wait)(void*), void* argument) = 0;

    // Once a turn, with the lock held: lets the interpreter handle its signals. False: leave run() now.
    virtual bool check_interrupts() = 0;
};

}  // namespace tidemill
