// Lua's typemaps. Text and octets cross as strings, the reactor object and connections as the adaptor's tables. Types are checked as
// strictly as in Lua's own libraries, and a mistake reads as theirs: bad argument #1 to 'listen' (string expected, got nil).
%{
#include "bindings/lua_defer.h"
#include "bindings/lua_connection.h"
#include "bindings/lua_dispatch.h"
#include "bindings/lua_reactor.h"
#include "bindings/lua_workers.h"
#include "tidemill/sys/fork_guard.h"

// As everywhere in Lua, what is left out is nil and what is too much is ignored; the typemaps say what cannot be nil.
#undef SWIG_check_num_args
#define SWIG_check_num_args(name, least, most) lua_settop(L, most);
%}
%include <stdint.i>

// SWIG's Lua knows classes by their plain name, over all SWIG modules in the process; with its namespace no other has this one.
%nspace tidemill::script::ReactorCore;
%nspace tidemill::script::TlsCore;
%nspace tidemill::script::StaticFilesCore;
%nspace tidemill::script::HttpHostsCore;
%nspace tidemill::script::AccessLogCore;
%nspace tidemill::script::HttpClientCore;
%nspace tidemill::script::CookieJarCore;

%define TIDEMILL_RAISE(error)
{ tidemill::script::push_error(L, error); SWIG_fail; }
%enddef
%define TIDEMILL_RAISE_PARKED(core)
if (tidemill::script::push_parked(L, core)) { delete failed; SWIG_fail; }
%enddef

%typemap(in) tidemill::Bytes { $1 = tidemill::script::text_from_lua(L, $input); }
%typemap(out) tidemill::Bytes { lua_pushlstring(L, $1.data(), $1.size()); SWIG_arg++; }

%typemap(in) tidemill::script::Octets { $1.bytes = tidemill::script::text_from_lua(L, $input); }

%typemap(in) double { $1 = tidemill::script::number_from_lua(L, $input); }
%typemap(in) int { $1 = static_cast<int>(tidemill::script::integer_from_lua(L, $input, INT_MIN, INT_MAX)); }
%typemap(in) std::int64_t { $1 = tidemill::script::integer_from_lua(L, $input, INT64_MIN, INT64_MAX); }
%typemap(in) std::uint64_t { $1 = static_cast<std::uint64_t>(tidemill::script::integer_from_lua(L, $input, 0, INT64_MAX)); }
%typemap(out) int, std::int64_t, std::uint64_t, std::uint32_t { tidemill::script::push_integer(L, static_cast<std::uint64_t>($1)); SWIG_arg++; }

%typemap(in, numinputs=0) tidemill::script::Host* {
  $1 = tidemill::script::make_lua_host();
  if ($1 == nullptr) return luaL_error(L, "not enough memory");
}
%typemap(in) tidemill::script::ReactorObject (tidemill::script::LuaFrame frame) {
  tidemill::script::prepare_run(L, $input, &frame);
  $1.handle = &frame;
}
%typemap(in) tidemill::script::ScriptHandler& { $1 = &tidemill::script::check_handler(L, $input); }

// ---- written by hand in bindings/lua_*.cpp ----

%native(new_connection) int tidemill::script::new_connection(lua_State* L);
%native(is_connection) int tidemill::script::is_connection(lua_State* L);
%native(write) int tidemill::script::write(lua_State* L);
%native(write_frame) int tidemill::script::write_frame(lua_State* L);
%native(anchor) int tidemill::script::anchor(lua_State* L);
%native(release) int tidemill::script::release(lua_State* L);
%native(make_next_tick) int tidemill::script::make_next_tick(lua_State* L);
%native(make_timers) int tidemill::script::make_timers(lua_State* L);
%native(timer_cancel) int tidemill::script::timer_cancel(lua_State* L);
%native(timer_is_active) int tidemill::script::timer_is_active(lua_State* L);
%native(forget_calls) int tidemill::script::forget_calls(lua_State* L);
%native(set_error_maker) int tidemill::script::set_error_maker(lua_State* L);
%native(workers_new) int tidemill::script::workers_new(lua_State* L);
%native(workers_count) int tidemill::script::workers_count(lua_State* L);
%native(workers_run) int tidemill::script::workers_run(lua_State* L);
%native(workers_stop) int tidemill::script::workers_stop(lua_State* L);
%native(make_door) int make_door(lua_State* L);
%native(defer) int defer(lua_State* L);
%native(take_result) int take_result(lua_State* L);
%{
static tidemill::script::ReactorCore& core_from_lua(lua_State* L) {
  void* core = nullptr;
  if (!SWIG_IsOK(SWIG_ConvertPtr(L, 1, &core, SWIGTYPE_p_tidemill__script__ReactorCore, 0)) || core == nullptr) {
    luaL_argerror(L, 1, "ReactorCore expected");
  }
  return *static_cast<tidemill::script::ReactorCore*>(core);
}

// make_door(core, reactor, open)
static int make_door(lua_State* L) {
  return tidemill::script::push_door(L, core_from_lua(L), 2, 3);
}

// defer(core, ticket, work, arguments)
static int defer(lua_State* L) {
  return tidemill::script::defer_from_lua(L, core_from_lua(L));
}

// take_result(core)
static int take_result(lua_State* L) {
  return tidemill::script::take_result_to_lua(L, core_from_lua(L));
}
%}

// Differs in a forked child: what belongs to the parent is to be made anew.
namespace tidemill {
std::uint32_t fork_generation();
}
