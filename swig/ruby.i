// Ruby's typemaps. Text crosses as UTF-8 String, the reactor object and connections as themselves. What raises does so by longjmp: no
// typemap here makes an object with a destructor.
%{
#include "bindings/ruby_dispatch.h"
%}
%include <stdint.i>

%define TIDEMILL_RAISE(error)
tidemill::script::raise_in_ruby(error)
%enddef
%define TIDEMILL_RAISE_PARKED(core)
tidemill::script::raise_parked_in_ruby(core, failed)
%enddef

%init %{
  tidemill::script::add_ruby_types(mCore);
%}

%markfunc tidemill::script::ReactorCore "tidemill::script::mark_ruby_core";

// String -> borrowed UTF-8; the String stays on the stack, and so alive, until the function returns.
%typemap(in) tidemill::Bytes (volatile VALUE text = Qnil) {
  text = tidemill::script::text_from_ruby($input);
  $1 = tidemill::Bytes(RSTRING_PTR(text), static_cast<std::size_t>(RSTRING_LEN(text)));
}
%typemap(freearg) tidemill::Bytes { RB_GC_GUARD(text$argnum); }
%typemap(out) tidemill::Bytes { $result = tidemill::script::text_to_ruby($1); }

%typemap(in) tidemill::script::Octets (volatile VALUE octets = Qnil) {
  octets = $input;
  StringValue(octets);
  $1.bytes = tidemill::Bytes(RSTRING_PTR(octets), static_cast<std::size_t>(RSTRING_LEN(octets)));
}
%typemap(freearg) tidemill::script::Octets { RB_GC_GUARD(octets$argnum); }

// Ruby's own conversions: their TypeError says what was given, and any Numeric will do.
%typemap(in) double { $1 = NUM2DBL($input); }
%typemap(in) int { $1 = NUM2INT($input); }
%typemap(in) std::int64_t { $1 = NUM2LL($input); }
%typemap(in) std::uint64_t { $1 = NUM2ULL($input); }

// Made once all arguments have been converted, because a conversion that raises would lose it.
%typemap(in, numinputs=0) tidemill::script::Host* { $1 = nullptr; }
%typemap(check) tidemill::script::Host* { $1 = tidemill::script::make_ruby_host(); }
%typemap(in) tidemill::script::ReactorObject { $1.handle = reinterpret_cast<void*>($input); }
%typemap(in) tidemill::script::ScriptHandler& { $1 = tidemill::script::handler_from_ruby($input); }
