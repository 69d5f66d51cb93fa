#include "bindings/lua_connection.h"

#include <cstdlib>
#include <new>
#include <utility>

#include "bindings/lua_dispatch.h"
#include "bindings/protocol.h"

namespace tidemill::script {
namespace {

const char endpoint_metatable_key = 0;
const char endpoint_tag = 0;

// What is in slot [1] of an instance.
struct Endpoint {
    const void* tag = &endpoint_tag;  // nullptr once it is finalised, when other finalisers may still come upon it
    LuaHandler handler;
};

// nullptr if it is none. By size and tag instead of the metatable: this is on the way of every write().
Endpoint* endpoint_at(lua_State* L, int index) {
    void* found = lua_touserdata(L, index);
    if (found == nullptr || raw_length(L, index) != sizeof(Endpoint)) return nullptr;
    Endpoint* endpoint = static_cast<Endpoint*>(found);
    return endpoint->tag == &endpoint_tag ? endpoint : nullptr;
}

int finalise_endpoint(lua_State* L) {
    if (Endpoint* endpoint = endpoint_at(L, 1)) {
        endpoint->handler.~LuaHandler();
        endpoint->tag = nullptr;
    }
    return 0;
}

// nullptr: written. Does not raise, and lets no C++ exception out.
Error* try_write(ScriptHandler& handler, Bytes octets, bool& is_flowing) {
    try {
        const WriteResult written = connection_write(handler, octets);
        is_flowing = written.is_flowing();
        return written.has_failed() ? new Error(write_error(handler, written.code)) : nullptr;
    } catch (const std::exception& exception) {
        return new Error(make_error(ErrorCode::limit, "write", {}, exception.what()));
    }
}

// The same for a frame of the object's protocol.
Error* try_write_frame(ScriptHandler& handler, Bytes octets, bool& is_flowing) {
    return failure_of("write", [&] { is_flowing = connection_write_frame(handler, octets); });
}

int write_by(lua_State* L, Error* (*try_writing)(ScriptHandler&, Bytes, bool&)) {
    lua_settop(L, 2);
    LuaHandler& handler = check_handler(L, 1);
    bool is_flowing = false;
    if (Error* failed = try_writing(handler, text_from_lua(L, 2), is_flowing)) {
        push_error(L, failed);
        return lua_error(L);
    }
    lua_pushboolean(L, is_flowing);
    return 1;
}

}  // namespace

// Pushes the endpoint. May raise.
LuaHandler& check_handler(lua_State* L, int index) {
    if (lua_istable(L, index)) {
        lua_rawgeti(L, index, 1);
        if (Endpoint* endpoint = endpoint_at(L, -1)) return endpoint->handler;
        luaL_argerror(L, index, "tidemill.Connection expected, got a table without an endpoint; Class:new() makes one with it");
    }
    raise_type_error(L, index, "tidemill.Connection");
    std::abort();  // not reached
}

void prepare_connections(lua_State* L) {
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, finalise_endpoint);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, "tidemill.endpoint");
    lua_setfield(L, -2, "__metatable");
    set_registry(L, &endpoint_metatable_key);
}

int new_connection(lua_State* L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_createtable(L, 1, 1);
    get_registry(L, &endpoint_metatable_key);
    new (new_userdata(L, sizeof(Endpoint))) Endpoint;
    lua_insert(L, 3);
    lua_setmetatable(L, 3);
    lua_rawseti(L, 2, 1);
    lua_pushvalue(L, 1);
    lua_setmetatable(L, 2);
    return 1;
}

int is_connection(lua_State* L) {
    bool is_one = false;
    if (lua_istable(L, 1)) {
        lua_rawgeti(L, 1, 1);
        is_one = endpoint_at(L, -1) != nullptr;
    }
    lua_pushboolean(L, is_one);
    return 1;
}

int write(lua_State* L) {
    return write_by(L, try_write);
}

int write_frame(lua_State* L) {
    return write_by(L, try_write_frame);
}

int anchor(lua_State* L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    LuaHandler& handler = check_handler(L, 2);
    if (handler.is_anchored()) luaL_argerror(L, 2, "the connection is anchored already");
    handler.endpoint = luaL_ref(L, 1);
    lua_pushvalue(L, 2);
    handler.instance = luaL_ref(L, 1);
    return 0;
}

int release(lua_State* L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    LuaHandler& handler = check_handler(L, 2);
    luaL_unref(L, 1, std::exchange(handler.instance, LUA_NOREF));
    luaL_unref(L, 1, std::exchange(handler.endpoint, LUA_NOREF));
    return 0;
}

}  // namespace tidemill::script
