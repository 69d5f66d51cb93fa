// Ruby's side of the door (script.h), and what swig/ruby.i needs of it. The interpreter lock (GVL) is held in all of it.
//
// Ruby leaves C frames by longjmp, which skips destructors. Hence two rules: whatever may raise runs inside rb_protect when the core is
// above it on the stack, and a function that raises has no C++ object alive when it does.
#pragma once
#include <ruby.h>

#include "bindings/facade.h"

namespace tidemill::script {

class RubyWaiting;

// Adds to the module Tidemill::Core:
//   ConnectionBase              the class that users subclass by way of Tidemill::Connection
//   adopt(connection, reactor)  what connection.reactor answers from now on
// and what ruby_reactor.h names.
// The adaptor defines Core.make_error(code, errno, errno_name, operation, endpoint, text), which makes an exception object.
void add_ruby_types(VALUE module);

// Raises the exception that corresponds to the error, which is on the heap and deleted here.
[[noreturn]] void raise_in_ruby(Error* error);

// A String with the same text in UTF-8. Raises TypeError.
VALUE text_from_ruby(VALUE object);
VALUE text_to_ruby(Bytes text);

// Raises TypeError if the object is no ConnectionBase.
ScriptHandler* handler_from_ruby(VALUE object);

Host* make_ruby_host();

// Of a core whose host is Ruby's.
RubyWaiting& waiting_of(ReactorCore& core);

// After a run: raises what was parked and deletes the error, or returns if there is nothing.
void raise_parked_in_ruby(ReactorCore& core, Error* instead_of);

// For Ruby's garbage collector: what the core's host holds.
void mark_ruby_core(void* core);

}  // namespace tidemill::script
