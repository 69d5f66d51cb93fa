#include "bindings/lua_reactor.h"

#include <algorithm>
#include <cstdlib>

#include "bindings/lua_dispatch.h"

namespace tidemill::script {

void LuaReactor::occupy_timer() {
    if (!free_places_.empty()) return free_places_.pop_back();
    const auto needed = static_cast<std::size_t>(places_) + 1;
    if (free_places_.capacity() < needed) free_places_.reserve(std::max<std::size_t>(16, 2 * needed));
    ++places_;
}

void LuaReactor::forget_timers() {
    free_places_ = {};
    places_ = 0;
    has_new_timers = true;
}

namespace {

// ---- ticks ----

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
    const int place = reactor->next_tick_place();
    lua_pushvalue(L, 2);
    lua_rawseti(L, 4, place);
    if (Error* failed = try_queue_tick(reactor->core->host())) {
        lua_pushnil(L);
        lua_rawseti(L, 4, place);
        push_error(L, failed);
        return lua_error(L);
    }
    reactor->occupy_tick(place);
    return 0;
}

// ---- timers ----

const char timer_tag = 0;

// What the user holds. It keeps its reactor alive, and not the function.
struct TimerHandle {
    const void* tag;
    std::uint64_t id;  // in the core, where no other gets it
    int place;
};

TimerHandle* check_timer(lua_State* L) {
    lua_settop(L, 1);
    void* found = lua_touserdata(L, 1);
    if (found != nullptr && raw_length(L, 1) == sizeof(TimerHandle)) {
        auto* handle = static_cast<TimerHandle*>(found);
        if (handle->tag == &timer_tag) return handle;
    }
    raise_type_error(L, 1, "tidemill.Timer");
    std::abort();  // not reached
}

// Upvalues: the adaptor's judgement of arguments, and the class. The function is in its place and the handle is made before the core
// knows of the timer: without memory there is none.
int add_timer(lua_State* L, const char* operation, bool is_periodic) {
    lua_settop(L, 3);
    if (lua_type(L, 2) != LUA_TNUMBER || lua_type(L, 3) != LUA_TFUNCTION) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushstring(L, operation);
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 3);
        lua_call(L, 3, 0);
    }
    const double seconds = lua_tonumber(L, 2);
    LuaReactor* reactor = push_door_of(L, 1, operation);
    if (reactor == nullptr) return 0;
    lua_getupvalue(L, 4, timers_place);
    auto* handle = static_cast<TimerHandle*>(new_keeping_userdata(L, sizeof(TimerHandle)));
    const LuaReactor::Timer timer{reactor->next_timer_place(), is_periodic};
    *handle = {&timer_tag, 0, timer.place};
    lua_pushvalue(L, 1);
    keep_for(L, 6);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_setmetatable(L, 6);
    lua_pushvalue(L, 3);
    lua_rawseti(L, 5, timer.place);
    Error* failed = failure_of(operation, [&] {
        reactor->occupy_timer();
        try {
            handle->id =
                is_periodic ? reactor->core->call_every(seconds, timer.ticket()) : reactor->core->call_later(seconds, timer.ticket());
        } catch (...) {
            reactor->release_timer(timer.place);
            throw;
        }
    });
    if (failed == nullptr) return 1;
    lua_pushnil(L);
    lua_rawseti(L, 5, timer.place);
    push_error(L, failed);
    return lua_error(L);
}

int call_later(lua_State* L) {
    return add_timer(L, "call_later", false);
}

int call_every(lua_State* L) {
    return add_timer(L, "call_every", true);
}

}  // namespace

int make_next_tick(lua_State* L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_pushcclosure(L, next_tick, 1);
    return 1;
}

int make_timers(lua_State* L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    for (const lua_CFunction function : {call_later, call_every}) {
        lua_pushvalue(L, 1);
        lua_pushvalue(L, 2);
        lua_pushcclosure(L, function, 2);
    }
    return 2;
}

int timer_cancel(lua_State* L) {
    const TimerHandle* handle = check_timer(L);
    push_kept(L, 1);
    LuaReactor* reactor = push_door_of(L, 2, "timer_cancel");
    if (reactor == nullptr) return 0;
    bool is_cancelled = false;
    if (Error* failed = failure_of("cancel", [&] { is_cancelled = reactor->core->timer_cancel(handle->id); })) {
        push_error(L, failed);
        return lua_error(L);
    }
    if (is_cancelled) {
        lua_getupvalue(L, 3, timers_place);
        lua_pushnil(L);
        lua_rawseti(L, 4, handle->place);
        reactor->release_timer(handle->place);
        if (reactor->has_only_free_places()) {
            lua_createtable(L, 0, 0);
            lua_setupvalue(L, 3, timers_place);
            reactor->forget_timers();
        }
    }
    lua_pushboolean(L, is_cancelled);
    return 1;
}

int timer_is_active(lua_State* L) {
    const TimerHandle* handle = check_timer(L);
    push_kept(L, 1);
    LuaReactor* reactor = push_door_of(L, 2, "timer_is_active");
    if (reactor == nullptr) return 0;
    bool is_active = false;
    if (Error* failed = failure_of("is_active", [&] { is_active = reactor->core->timer_is_active(handle->id); })) {
        push_error(L, failed);
        return lua_error(L);
    }
    lua_pushboolean(L, is_active);
    return 1;
}

int forget_calls(lua_State* L) {
    lua_settop(L, 1);
    LuaReactor* reactor = push_door_of(L, 1, "next_tick");
    if (reactor == nullptr) return 0;
    for (const int place : {ticks_place, timers_place}) {
        lua_createtable(L, 0, 0);
        lua_setupvalue(L, 2, place);
    }
    reactor->forget_ticks();
    reactor->forget_timers();
    return 0;
}

}  // namespace tidemill::script
