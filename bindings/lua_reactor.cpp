#include "bindings/lua_reactor.h"

#include "bindings/lua_dispatch.h"

namespace tidemill::script {
namespace {

// nullptr: the loop will call. Does not raise, and lets no C++ exception out.
Error* try_queue_tick(Host& host) {
    try {
        Result<void> queued = host.queue_tick();
        return queued ? nullptr : new Error(queued.error());
    } catch (const std::exception& exception) {
        return new Error(make_error(ErrorCode::limit, "next_tick", {}, exception.what()));
    }
}

// Upvalue: the adaptor's judgement of what is no function.
int next_tick(lua_State* L) {
    lua_settop(L, 2);
    if (lua_type(L, 2) != LUA_TFUNCTION) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushinteger(L, 1);
        lua_pushliteral(L, "next_tick");
        lua_pushvalue(L, 2);
        lua_call(L, 3, 0);
    }
    LuaReactor* reactor = push_door_of(L, 1, "next_tick");
    if (reactor == nullptr) return 0;
    lua_getupvalue(L, 3, ticks_place);
    const int place = reactor->next_place();
    lua_pushvalue(L, 2);
    lua_rawseti(L, 4, place);
    if (Error* failed = try_queue_tick(reactor->core->host())) {
        lua_pushnil(L);
        lua_rawseti(L, 4, place);
        push_error(L, failed);
        return lua_error(L);
    }
    reactor->occupy(place);
    return 0;
}

}  // namespace

int make_next_tick(lua_State* L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_pushcclosure(L, next_tick, 1);
    return 1;
}

int add_timer(lua_State* L) {
    lua_settop(L, 4);
    const double seconds = number_from_lua(L, 2);
    const auto ticket = static_cast<Ticket>(lua_tonumber(L, 3));
    const bool is_periodic = lua_toboolean(L, 4) != 0;
    LuaReactor* reactor = push_door_of(L, 1, "call_later");
    if (reactor == nullptr) return 0;
    ReactorCore* core = reactor->core;
    std::uint64_t id = 0;
    Error* failed =
        failure_of("call_later", [&] { id = is_periodic ? core->call_every(seconds, ticket) : core->call_later(seconds, ticket); });
    if (failed != nullptr) {
        push_error(L, failed);
        return lua_error(L);
    }
    push_integer(L, id);
    return 1;
}

int cancel_timer(lua_State* L) {
    lua_settop(L, 2);
    const auto id = static_cast<std::uint64_t>(lua_tonumber(L, 2));
    LuaReactor* reactor = push_door_of(L, 1, "timer_cancel");
    if (reactor == nullptr) return 0;
    bool is_cancelled = false;
    if (Error* failed = failure_of("cancel", [&] { is_cancelled = reactor->core->timer_cancel(id); })) {
        push_error(L, failed);
        return lua_error(L);
    }
    lua_pushboolean(L, is_cancelled);
    return 1;
}

int forget_ticks(lua_State* L) {
    lua_settop(L, 1);
    LuaReactor* reactor = push_door_of(L, 1, "next_tick");
    if (reactor == nullptr) return 0;
    lua_createtable(L, 0, 0);
    lua_setupvalue(L, 2, ticks_place);
    reactor->forget_ticks();
    return 0;
}

}  // namespace tidemill::script
