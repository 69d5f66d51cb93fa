// Python's typemaps. Text crosses as str (UTF-8, surrogateescape), the reactor object and connections as themselves.
%{
#include "bindings/python_dispatch.h"
#include "bindings/python_reactor.h"
%}
%include <stdint.i>

%define TIDEMILL_RAISE(error)
{ tidemill::script::raise_in_python(*error); delete error; SWIG_fail; }
%enddef
%define TIDEMILL_RAISE_PARKED(core)
if (tidemill::script::raise_parked_in_python(core)) { delete failed; SWIG_fail; }
%enddef

%init %{
  if (!tidemill::script::add_python_types(m)) return nullptr;
%}

// str -> borrowed UTF-8; the encoded form lives as long as the temporary reference.
%typemap(in) tidemill::Bytes (PyObject* encoded = nullptr) {
  if (!PyUnicode_Check($input)) {
    PyErr_Format(PyExc_TypeError, "argument '$1_name' must be str, not %.200s", Py_TYPE($input)->tp_name);
    SWIG_fail;
  }
  if (PyUnicode_IS_COMPACT_ASCII($input)) {
    $1 = tidemill::Bytes(static_cast<const char*>(PyUnicode_DATA($input)), static_cast<std::size_t>(PyUnicode_GET_LENGTH($input)));
  } else {
    encoded = PyUnicode_AsEncodedString($input, "utf-8", "surrogateescape");
    if (encoded == nullptr) SWIG_fail;
    $1 = tidemill::Bytes(PyBytes_AS_STRING(encoded), static_cast<std::size_t>(PyBytes_GET_SIZE(encoded)));
  }
}
%typemap(freearg) tidemill::Bytes { Py_XDECREF(encoded$argnum); }
%typemap(out) tidemill::Bytes { $result = PyUnicode_DecodeUTF8($1.data(), static_cast<Py_ssize_t>($1.size()), "surrogateescape"); }

// bytes -> borrowed; anything else with a buffer is copied.
%typemap(in) tidemill::script::Octets (PyObject* copied = nullptr) {
  PyObject* octets = $input;
  if (!PyBytes_CheckExact(octets)) {
    if (!PyObject_CheckBuffer(octets)) {
      PyErr_Format(PyExc_TypeError, "a bytes-like object is required, not '%.200s'", Py_TYPE(octets)->tp_name);
      SWIG_fail;
    }
    octets = copied = PyBytes_FromObject(octets);
    if (copied == nullptr) SWIG_fail;
  }
  $1.bytes = tidemill::Bytes(PyBytes_AS_STRING(octets), static_cast<std::size_t>(PyBytes_GET_SIZE(octets)));
}
%typemap(freearg) tidemill::script::Octets { Py_XDECREF(copied$argnum); }

// Made once all arguments have been converted, because a conversion that fails would lose it.
%typemap(in, numinputs=0) tidemill::script::Host* { $1 = nullptr; }
%typemap(check) tidemill::script::Host* { $1 = tidemill::script::make_python_host(); }
%typemap(in) tidemill::script::ReactorObject { $1.handle = $input; }
%typemap(in) tidemill::script::ScriptHandler& {
  $1 = tidemill::script::handler_from_python($input);
  if ($1 == nullptr) SWIG_fail;
}

namespace tidemill {
namespace script {
void attach_reactor(tidemill::script::ReactorObject reactor, tidemill::script::ReactorObject owner, tidemill::script::ReactorCore& core);
}
}

%pythoncode %{
from ._core import ConnectionBase, ReactorBase, Timer, document, frame_writer, set_error_maker  # written by hand in python_*.cpp
%}
