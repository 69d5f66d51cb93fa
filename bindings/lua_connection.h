// Connection objects of Lua: tables with an endpoint, the C++ half, in slot [1].
#pragma once
#include "bindings/facade.h"
#include "bindings/lua_values.h"

namespace tidemill::script {

class LuaHandler final : public ScriptHandler {
public:
    bool is_anchored() const { return instance != LUA_NOREF; }

    // Places in the reactor's table of open connections. The endpoint has its own: a program may take it out of the instance.
    int instance = LUA_NOREF;
    int endpoint = LUA_NOREF;

private:
    // Through the reactor's door: in lua_dispatch.cpp.
    bool emit(Event event, const Value* arguments, std::size_t count) override;
};

// ---- may raise ----

// Leaves the endpoint on the stack: it lives until the caller returns.
LuaHandler& check_handler(lua_State* L, int index);

// Before the first connection of a state.
void prepare_connections(lua_State* L);

// Functions for the adaptor:
//   new_connection(class)         a table with that metatable and an endpoint
//   is_connection(value)
//   write(connection, octets), write_frame(connection, octets)
//   anchor(open, connection)      keeps it alive, in the reactor's table, until on_close
//   release(open, connection)     undoes that, if connecting was refused
int new_connection(lua_State* L);
int is_connection(lua_State* L);
int write(lua_State* L);
int write_frame(lua_State* L);
int anchor(lua_State* L);
int release(lua_State* L);

}  // namespace tidemill::script
