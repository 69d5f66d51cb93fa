// Lua's side of the door (script.h), and what swig/lua.i needs of it. One source for Lua 5.4 and for the ABI of Lua 5.1, which LuaJIT has
// as well.
//
// Lua raises by longjmp (LuaJIT: by unwinding). Two rules follow, and every function here says on which side of them it is. A function
// that may raise is called by Lua and has nothing with a destructor in its frame. A function that the core calls never raises: it
// goes to Lua through one lua_pcall, and what could raise, making the arguments included, happens inside.
#pragma once
#include <cstdint>

extern "C" {
#include <lauxlib.h>
#include <lua.h>
}

#include "bindings/facade.h"

namespace tidemill::script {

// Where a run finds its things: stack places of the wrapper that is called by Lua, valid until it returns.
struct LuaFrame {
    lua_State* state;   // the coroutine that called run()
    lua_State* main;    // the one that an interpreter's Ctrl-C is aimed at
    int door;           // the function behind which everything of Lua happens
    int traceback;
    int raised;         // what a callback raised, until somebody has judged it
    int parked;         // what run() will raise
};

// ---- may raise ----

// Puts a run's things on the stack. index: the adaptor's reactor.
void prepare_run(lua_State* L, int index, LuaFrame* frame);

// Leaves the endpoint on the stack: it lives until the caller returns.
ScriptHandler* handler_from_lua(lua_State* L, int index);
Bytes text_from_lua(lua_State* L, int index);
double number_from_lua(lua_State* L, int index);

// An integer, or a float with the value of one.
std::int64_t integer_from_lua(lua_State* L, int index, std::int64_t least, std::int64_t most);
void push_integer(lua_State* L, std::uint64_t number);

// Pushes the error object and frees the error; only if memory runs out meanwhile it is lost.
void push_error(lua_State* L, Error* error);

// Functions for the adaptor:
//   new_connection(class)         a table with that metatable and an endpoint, the C++ half, in [1]
//   is_connection(value)
//   write(connection, octets)
//   anchor(open, connection)      keeps it alive, in the reactor's table, until on_close
//   release(open, connection)     undoes that, if connecting was refused
//   make_next_tick(check)         the method next_tick; check(1, "next_tick", value) judges what is no function
//   add_timer(reactor, seconds, ticket, is_periodic)   its number in the core
//   cancel_timer(reactor, number)
//   forget_ticks(reactor)
//   set_error_maker(f)            f(code, errno, errno_name, operation, endpoint, text) makes an error object
//   push_door(core, reactor, open)   the way into Lua for that reactor's host; not called by Lua itself
int new_connection(lua_State* L);
int is_connection(lua_State* L);
int write(lua_State* L);
int write_frame(lua_State* L);
int anchor(lua_State* L);
int release(lua_State* L);
int make_next_tick(lua_State* L);
int add_timer(lua_State* L);
int cancel_timer(lua_State* L);
int forget_ticks(lua_State* L);
int set_error_maker(lua_State* L);
int push_door(lua_State* L, ReactorCore& core, int reactor, int open);

// ---- never raise ----

// nullptr without memory.
Host* make_lua_host() noexcept;

// After a run: pushes what was parked. True if there was something.
bool push_parked(lua_State* L, ReactorCore& core);

}  // namespace tidemill::script
