// tidemill.Workers of Lua: several states in one process, each in a thread of its own with its own reactor. Nothing is shared: a state
// gets the setup as code and plain values, and an error comes back as text. lua/tidemill/workers.lua is the class.
#pragma once

extern "C" {
#include <lua.h>
}

namespace tidemill::script {

// Called by Lua; they may raise.
//   workers_new(count, deadline, is_file, code, path, cpath, ...)   ... are the setup's plain arguments
//   workers_count(workers)
//   workers_run(workers)     until all have ended; SIGTERM and SIGINT stop them meanwhile
//   workers_stop(workers)
int workers_new(lua_State* L);
int workers_count(lua_State* L);
int workers_run(lua_State* L);
int workers_stop(lua_State* L);

}  // namespace tidemill::script
