// Work on a worker thread, in Lua: a function without upvalues is dumped, its arguments are copied, and both are brought to life in a
// state of that thread's own; the result comes back the same way.
#pragma once
#include "bindings/lua_dispatch.h"

namespace tidemill::script {

// Functions for the adaptor; they may raise.
//   defer(core, ticket, work, arguments)   answers the job's number; the ticket is called when it is done
//   take_result(core)                      what the job came to, from inside the ticket's call
int defer_from_lua(lua_State* L, ReactorCore& core);
int take_result_to_lua(lua_State* L, ReactorCore& core);

}  // namespace tidemill::script
