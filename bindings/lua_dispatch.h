// Lua's side of the door (script.h): what happens in Lua happens behind one function of a reactor, its door. One source for Lua 5.4 and for
// the ABI of Lua 5.1, which LuaJIT has as well.
//
// Lua raises by longjmp (LuaJIT: by unwinding). Two rules follow, and every function here says on which side of them it is. A function
// that may raise is called by Lua and has nothing with a destructor in its frame. A function that the core calls never raises: it
// goes to Lua through one lua_pcall, and what could raise, making the arguments included, happens inside.
#pragma once
#include "bindings/facade.h"
#include "bindings/lua_reactor.h"
#include "bindings/lua_values.h"

namespace tidemill::script {

// Where a run finds its things: stack places of the wrapper that is called by Lua, valid until it returns.
struct LuaFrame {
    lua_State* state;  // the coroutine that called run()
    lua_State* main;  // the one that an interpreter's Ctrl-C is aimed at
    int door;  // the function behind which everything of Lua happens
    int traceback;
    int raised;  // what a callback raised, until somebody has judged it
    int parked;  // what run() will raise
    int ticks;  // tables of functions that wait
    int timers;
};

// The door's upvalues with the functions of ticks and of timers.
constexpr int ticks_place = 5;
constexpr int timers_place = 6;

// Where a reactor of the adaptor has its door.
constexpr int door_slot = 1;

// ---- may raise ----

// Before the first reactor of a state.
void prepare_dispatch(lua_State* L);

// Puts a run's things on the stack. index: the adaptor's reactor.
void prepare_run(lua_State* L, int index, LuaFrame* frame);

// What the reactor's door leads to, and the door on the stack. nullptr: the reactor is gone, and what takes its core's place has not raised
// for the operation.
LuaReactor* push_door_of(lua_State* L, int reactor, const char* operation);

// push_door(core, reactor, open): the way into Lua for that reactor's host.
int push_door(lua_State* L, ReactorCore& core, int reactor, int open);

// ---- never raise ----

// nullptr without memory.
Host* make_lua_host() noexcept;

// After a run: pushes what was parked. True if there was something.
bool push_parked(lua_State* L, ReactorCore& core);

}  // namespace tidemill::script
