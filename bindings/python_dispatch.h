// Python's side of the door (script.h), and what swig/python.i needs of it. The interpreter lock is held in all of it.
#pragma once
#include <Python.h>

#include "bindings/facade.h"

namespace tidemill::script {

// Adds ConnectionBase, the type that users subclass, and functions for the adaptor to the module:
//   set_error_maker(f)    f(code, errno, errno_name, operation, endpoint, text) makes an exception object
//   document(member, text)   sets the docstring of a method or property that is written in C
//   frame_writer(name)    a method for a subclass: sends one frame of its protocol. In C, as a frame of Python's would cost more than it does
// False with a Python exception set.
bool add_python_types(PyObject* module);

// Sets the Python exception that corresponds to the error.
void raise_in_python(const Error& error);

// nullptr with TypeError set if the object is no ConnectionBase.
ScriptHandler* handler_from_python(PyObject* object);

Host* make_python_host();

// After a run: raises what was parked. True if there was something.
bool raise_parked_in_python(ReactorCore& core);

}  // namespace tidemill::script
