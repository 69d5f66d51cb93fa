// Lua's values, from and for C++, and what differs between the versions: one source for Lua 5.4 and for the ABI of Lua 5.1, which LuaJIT
// has as well. Lua raises by longjmp: see lua_dispatch.h for the rules.
#pragma once
#include <cstdint>

extern "C" {
#include <lauxlib.h>
#include <lua.h>
}

#include "bindings/script.h"

namespace tidemill::script {

// ---- never raise, unless memory runs out ----

std::size_t raw_length(lua_State* L, int index);
void* new_userdata(lua_State* L, std::size_t size);

// The same, with a value that it keeps alive; keep_for takes it from the top, push_kept pushes it.
void* new_keeping_userdata(lua_State* L, std::size_t size);
void keep_for(lua_State* L, int userdata);
void push_kept(lua_State* L, int userdata);

// This module's things in a state's registry, under addresses of its own. set_registry takes the value from the top.
void set_registry(lua_State* L, const char* key);
void get_registry(lua_State* L, const char* key);

// The state that Lua's interpreter made: never a coroutine, which may be gone tomorrow. nullptr if it cannot be known.
lua_State* main_state(lua_State* L);
void remember_main_state(lua_State* L);

// ---- may raise ----

int raise_type_error(lua_State* L, int index, const char* expected);
Bytes text_from_lua(lua_State* L, int index);
double number_from_lua(lua_State* L, int index);

// An integer, or a float with the value of one.
std::int64_t integer_from_lua(lua_State* L, int index, std::int64_t least, std::int64_t most);
void push_integer(lua_State* L, std::uint64_t number);

// error_text: error.text(), if the value is an error, made by somebody who may own a std::string.
void push_value(lua_State* L, const Value& value, Bytes error_text);

// Pushes the error object and frees the error; only if memory runs out meanwhile it is lost.
void push_error(lua_State* L, Error* error);

// For the adaptor: set_error_maker(f), where f(code, errno, errno_name, operation, endpoint, text) makes an error object.
int set_error_maker(lua_State* L);

}  // namespace tidemill::script
