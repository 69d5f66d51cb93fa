// The part of Python's reactor that is written by hand because it is hot: timers, ticks and posts. `ReactorBase` is what the adaptor's
// Reactor inherits from; it owns the functions that wait and shows them to the garbage collector. `Timer` is the handle of one of them.
#pragma once
#include <Python.h>

#include "bindings/facade.h"

namespace tidemill::script {

// Adds ReactorBase and Timer to the module. False with a Python exception set.
bool add_python_reactor(PyObject* module);

// Gives a ReactorBase its core, which the SWIG object `owner` keeps. For the adaptor's __init__.
void attach_reactor(ReactorObject reactor, ReactorObject owner, ReactorCore& core);

// For the host: the function of a timer by its ticket (below 0), of the next tick, of the next post. A new reference; nullptr for none.
PyObject* function_of_timer(PyObject* reactor, Ticket ticket);
PyObject* next_tick_of(PyObject* reactor);
PyObject* next_post_of(PyObject* reactor);

}  // namespace tidemill::script
