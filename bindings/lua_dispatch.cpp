#include "bindings/lua_dispatch.h"

#include <new>
#include <string>
#include <utility>

#include "bindings/lua_connection.h"

namespace tidemill::script {
namespace {

const char traceback_key = 0;

// The message handler of every call into Lua: text gets the traceback, an error object goes through untouched.
int add_traceback(lua_State* L) {
    if (lua_type(L, 1) != LUA_TSTRING) return 1;
#if LUA_VERSION_NUM >= 502
    luaL_traceback(L, L, lua_tostring(L, 1), 1);
#else
    lua_pushvalue(L, lua_upvalueindex(1));  // debug.traceback as it was when the module was loaded
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return 1;
    }
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 2);
    lua_call(L, 2, 1);
#endif
    return 1;
}

void push_traceback(lua_State* L) {
#if LUA_VERSION_NUM < 502
    lua_getglobal(L, "debug");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "traceback");
    } else {
        lua_pushnil(L);
    }
    lua_remove(L, -2);
    lua_pushcclosure(L, add_traceback, 1);
#else
    lua_pushcfunction(L, add_traceback);
#endif
}

// Whether it is what the interpreter's Ctrl-C raises: luaL_error(L, "interrupted!") in a hook, with a place before it or none and
// perhaps with our traceback behind it. There is nothing else to tell it by.
bool is_interruption(lua_State* L, int index) {
    if (lua_type(L, index) != LUA_TSTRING) return false;
    std::size_t size = 0;
    const char* start = lua_tolstring(L, index, &size);
    const Bytes text = Bytes(start, size).substr(0, Bytes(start, size).find("\nstack traceback:"));
    return text == "interrupted!" || text.ends_with(": interrupted!");
}

// ---- a reactor's language ----

// What the door is for: first the events, then these. Names of what is called in Lua, in the order of the door's upvalues; forget
// calls nothing.
enum class Name : std::uint8_t {
    timer = event_count,
    tick,
    accept,
    report,
    pulse,
    on_error,
    error_handler,
    objects,
    count,
    forget = count,
    forget_timers
};

constexpr const char* other_names[] = {"_call_timer", "_callee", "_accept", "_report", "_pulse", "on_error", "_error_handler", "_objects"};
static_assert(std::size(other_names) == static_cast<std::size_t>(Name::count) - event_count);

// The door's upvalues, but for those of lua_dispatch.h.
constexpr int host_place = 1;
constexpr int reactor_place = 2;
constexpr int open_place = 3;
constexpr int traceback_place = 4;
constexpr int first_name_place = 7;

class LuaHost final : public Host {
public:
    bool emit(const LuaHandler& handler, Event event, const Value* arguments, std::size_t count) {
        Upcall call{.name = static_cast<Name>(event), .handler = &handler, .arguments = arguments, .count = count};
        return go_with_text(call);
    }

    // Lua calls this, inside lua_pcall: it may raise.
    int pass(lua_State* L) {
        Upcall* call = std::exchange(call_, nullptr);
        if (call == nullptr) return luaL_error(L, "this function belongs to tidemill's loop");
        if (static_cast<std::size_t>(call->name) < event_count) {
            pass_event(L, *call);
        } else if (call->name == Name::tick) {
            pass_tick(L);
        } else if (call->name == Name::timer && call->ticket < 0) {
            pass_timer(L, LuaReactor::Timer::of(call->ticket));
        } else if (call->name == Name::forget_timers) {
            forget_timers_inside(L);
        } else if (call->name == Name::forget) {
            forget_inside(L, *call);
        } else if (call->name == Name::on_error || call->name == Name::error_handler) {
            pass_error(L, *call);
        } else {
            pass_to_adaptor(L, *call);
        }
        return 0;
    }

    LuaReactor& reactor() { return reactor_; }

    bool push_parked(lua_State* L) {
        // While the outer run is under way this is one that was refused from inside a callback, and the other's error not its own.
        if (frame_.state != nullptr || !has_parked_) return false;
        has_parked_ = false;
        lua_pushvalue(L, frame_.parked);
        return true;
    }

    // ---- Host ----

    void enter(void* reactor_object) override {
        frame_ = *static_cast<LuaFrame*>(reactor_object);
        if (frame_.main == nullptr) frame_.main = frame_.state;
        seen_hook_ = nullptr;
    }
    void leave() override { frame_.state = nullptr; }

    // Straight from their places into lua_pcall: none of what comes before can raise. Whom a watch wants to know goes through the door, and
    // so does what the adaptor keeps.
    bool call_timer(Ticket ticket) override {
        if (ticket > 0 || is_watching()) return call(Name::timer, ticket);
        lua_State* L = frame_.state;
        if (std::exchange(reactor_.has_new_timers, false)) {
            lua_getupvalue(L, frame_.door, timers_place);
            lua_replace(L, frame_.timers);
        }
        take_timer(L, LuaReactor::Timer::of(ticket), frame_.timers);
        if (reactor_.has_only_free_places() && !call(Name::forget_timers)) clear_raised();  // no memory: the old table stays
        return succeeds(L, 0);
    }
    bool call_tick() override {
        if (is_watching()) return call(Name::tick);
        take_tick(frame_.state, frame_.ticks);
        return succeeds(frame_.state, 0);
    }
    bool call_posted() override { return true; }  // in Lua post() is next_tick()

    ScriptHandler* make_connection(Ticket factory) override {
        Upcall call{.name = Name::accept, .ticket = factory};
        return go(call) ? call.made : nullptr;
    }

    void forget(ScriptHandler& handler) override {
        // Outside a run the reactor itself is going, and its table with it; inside a call of the user, connect() was refused and
        // the adaptor takes back what it gave.
        if (frame_.state == nullptr || is_inside_) return;
        auto& forgotten = static_cast<LuaHandler&>(handler);
        Upcall call{.name = Name::forget,
                    .places = {std::exchange(forgotten.instance, LUA_NOREF), std::exchange(forgotten.endpoint, LUA_NOREF)}};
        if (!go(call)) clear_raised();  // no memory to note that two places are free; they are lost until the reactor goes
    }

    bool emit(Ticket object, Event event, const Value* arguments, std::size_t count) override {
        Upcall call{.name = static_cast<Name>(event), .arguments = arguments, .count = count, .object = object};
        return go_with_text(call);
    }

    void forget(Ticket object) override {
        if (frame_.state == nullptr || is_inside_) return;
        Upcall call{.name = Name::forget, .object = object};
        if (!go(call)) clear_raised();
    }

    Verdict judge(Party whose) override {
        if (is_interruption(frame_.state, frame_.raised)) return Verdict::leaving;
        const bool is_somebody = whose.handler != nullptr || whose.object != 0;
        if (is_somebody && offer(Name::on_error, whose)) return Verdict::taken;
        if (!is_interruption(frame_.state, frame_.raised) && offer(Name::error_handler, whose)) return Verdict::taken;
        return is_interruption(frame_.state, frame_.raised) ? Verdict::leaving : Verdict::unhandled;
    }

    void park() override {
        if (has_parked_) {
            call(Name::report, 0, true);
        } else {
            has_parked_ = true;
            lua_pushvalue(frame_.state, frame_.raised);
            lua_replace(frame_.state, frame_.parked);
        }
        clear_raised();
    }

    // ---- Gate ----

    // Lua has no lock to give up. A signal that came since the last look has nobody to wake this sleep, so there is one more look.
    void sleep(void (*wait)(void*), void* argument) override {
        if (lua_gethook(frame_.main) == seen_hook_) wait(argument);
    }

    // The interpreter's signal handler does no more than to set a hook that raises when Lua runs its next instruction. While the loop
    // waits there is none, so it gets a few.
    bool check_interrupts() override {
        const lua_Hook hook = lua_gethook(frame_.main);
        if (hook == seen_hook_) return true;
        lua_State* L = frame_.state;
        const lua_Hook own_hook = lua_gethook(L);
        const int own_mask = lua_gethookmask(L);
        const int own_count = lua_gethookcount(L);
        // In a coroutine the hook, which belongs to the main state, would wait for the coroutine's end.
        const bool is_lent = L != frame_.main && hook != nullptr && own_hook == nullptr;
        if (is_lent) lua_sethook(L, hook, lua_gethookmask(frame_.main), lua_gethookcount(frame_.main));
        const bool goes_on = call(Name::pulse);
        if (is_lent) lua_sethook(L, own_hook, own_mask, own_count);
        seen_hook_ = lua_gethook(frame_.main);  // a debugger's hook that let us pass is not asked every turn
        if (!goes_on) park();
        return goes_on;
    }

private:
    // One trip through the door: what is called, with what, and what came of it. Lives in the frame of a function that the core called.
    struct Upcall {
        Name name;
        const LuaHandler* handler = nullptr;
        const Value* arguments = nullptr;
        std::size_t count = 0;
        Bytes error_text = {};
        Ticket ticket = 0;
        bool has_taker = false;
        LuaHandler* made = nullptr;
        int places[2] = {LUA_NOREF, LUA_NOREF};
        Ticket object = 0;
    };

    // For an event: the words of an error among its arguments are made here, where a std::string is safe.
    bool go_with_text(Upcall& call) {
        std::string error_text;
        for (std::size_t i = 0; i < call.count; ++i) {
            const Value& value = call.arguments[i];
            if (value.kind == Value::Kind::error && value.error->is_set()) error_text = value.error->text();
        }
        call.error_text = error_text;
        return go(call);
    }

    // False: it raised; the error is in its place. Does not raise: all that happens outside lua_pcall is moving what is there.
    bool go(Upcall& call, bool with_error = false) {
        lua_State* L = frame_.state;
        call_ = &call;
        lua_pushvalue(L, frame_.door);
        if (with_error) lua_pushvalue(L, frame_.raised);
        const bool is_well = succeeds(L, with_error ? 1 : 0);
        call_ = nullptr;
        return is_well;
    }

    // Calls what is below its arguments on top of the stack.
    bool succeeds(lua_State* L, int arguments) {
        is_inside_ = true;
        const int status = lua_pcall(L, arguments, 0, frame_.traceback);
        is_inside_ = false;
        if (status == 0) return true;
        lua_replace(L, frame_.raised);
        return false;
    }

    bool call(Name name, Ticket ticket = 0, bool with_error = false) {
        Upcall call{.name = name, .ticket = ticket};
        return go(call, with_error);
    }

    // True if there is somebody for the error and he did not raise. If he did, his error is the one to deal with from now on.
    bool offer(Name name, Party whose) {
        Upcall call{.name = name, .handler = static_cast<LuaHandler*>(whose.handler), .object = whose.object};
        if (!go(call, true) || !call.has_taker) return false;
        clear_raised();
        return true;
    }

    void clear_raised() {
        lua_pushnil(frame_.state);
        lua_replace(frame_.state, frame_.raised);
    }

    // ---- inside the door: may raise ----

    static void push_name(lua_State* L, Name name) { lua_pushvalue(L, lua_upvalueindex(first_name_place + static_cast<int>(name))); }

    static void push_objects(lua_State* L) {
        push_name(L, Name::objects);
        lua_rawget(L, lua_upvalueindex(reactor_place));
    }

    static void forget_inside(lua_State* L, const Upcall& call) {
        for (const int place : call.places) luaL_unref(L, lua_upvalueindex(open_place), place);
        if (call.object == 0) return;
        push_objects(L);
        push_integer(L, static_cast<std::uint64_t>(call.object));
        lua_pushnil(L);
        lua_rawset(L, -3);
    }

    void pass_tick(lua_State* L) {
        take_tick(L, lua_upvalueindex(ticks_place));
        push_name(L, Name::tick);
        lua_pushvalue(L, -2);
        lua_rawset(L, lua_upvalueindex(reactor_place));
        lua_call(L, 0, 0);
    }

    void pass_timer(lua_State* L, LuaReactor::Timer timer) {
        take_timer(L, timer, lua_upvalueindex(timers_place));
        push_name(L, Name::tick);
        lua_pushvalue(L, -2);
        lua_rawset(L, lua_upvalueindex(reactor_place));
        if (reactor_.has_only_free_places()) forget_timers_inside(L);
        lua_call(L, 0, 0);
    }

    void forget_timers_inside(lua_State* L) {
        lua_createtable(L, 0, 0);
        lua_replace(L, lua_upvalueindex(timers_place));
        reactor_.forget_timers();
    }

    // Pushes a timer's function; after its last call the place is free. Does not raise.
    void take_timer(lua_State* L, LuaReactor::Timer timer, int table) {
        lua_rawgeti(L, table, timer.place);
        if (timer.is_periodic) return;
        lua_pushnil(L);
        lua_rawseti(L, table, timer.place);
        reactor_.release_timer(timer.place);
    }

    // Pushes the first of the queue. Does not raise.
    void take_tick(lua_State* L, int queue) {
        const int place = reactor_.take_tick();
        lua_rawgeti(L, queue, place);
        lua_pushnil(L);
        lua_rawseti(L, queue, place);
    }

    // Whose event it is: a connection, another object, or nil.
    static void push_instance(lua_State* L, const Upcall& call) {
        if (call.handler != nullptr) {
            lua_rawgeti(L, lua_upvalueindex(open_place), call.handler->instance);
        } else if (call.object != 0) {
            push_objects(L);
            push_integer(L, static_cast<std::uint64_t>(call.object));  // lua_rawgeti of Lua 5.1 takes no more than an int
            lua_rawget(L, -2);
            lua_remove(L, -2);
        } else {
            lua_pushnil(L);
        }
    }

    // Looked up anew for every event: an instance may get another on_data at any time.
    static void pass_event(lua_State* L, const Upcall& call) {
        push_instance(L, call);
        push_name(L, call.name);
        lua_gettable(L, 1);
        lua_pushvalue(L, 1);
        for (std::size_t i = 0; i < call.count; ++i) push_value(L, call.arguments[i], call.error_text);
        lua_call(L, static_cast<int>(call.count) + 1, 0);
    }

    // The error is at 1. on_error(self, error) or error_handler(error, connection).
    static void pass_error(lua_State* L, Upcall& call) {
        push_instance(L, call);
        const bool is_method = call.name == Name::on_error;
        push_name(L, call.name);
        lua_gettable(L, is_method ? 2 : lua_upvalueindex(reactor_place));
        if (lua_isnil(L, -1)) return;
        call.has_taker = true;
        lua_pushvalue(L, is_method ? 2 : 1);
        lua_pushvalue(L, is_method ? 1 : 2);
        lua_call(L, 2, 0);
    }

    // A method of the adaptor's reactor, with what it needs.
    static void pass_to_adaptor(lua_State* L, Upcall& call) {
        push_name(L, call.name);
        lua_gettable(L, lua_upvalueindex(reactor_place));
        lua_pushvalue(L, lua_upvalueindex(reactor_place));
        if (call.name == Name::report) {
            lua_pushvalue(L, 1);
        } else {
            push_integer(L, static_cast<std::uint64_t>(call.ticket));
        }
        lua_call(L, 2, call.name == Name::accept ? 1 : 0);
        // The adaptor has put it among the open connections: that is the strong reference.
        if (call.name == Name::accept) call.made = &check_handler(L, lua_gettop(L));
    }

    LuaFrame frame_{};
    Upcall* call_ = nullptr;
    LuaReactor reactor_;
    bool is_inside_ = false;
    bool has_parked_ = false;
    lua_Hook seen_hook_ = nullptr;
};

int door(lua_State* L) {
    return static_cast<LuaHost*>(lua_touserdata(L, lua_upvalueindex(host_place)))->pass(L);
}

}  // namespace

bool LuaHandler::emit(Event event, const Value* arguments, std::size_t count) {
    return static_cast<LuaHost*>(host())->emit(*this, event, arguments, count);
}

void prepare_run(lua_State* L, int index, LuaFrame* frame) {
    luaL_checkstack(L, LUA_MINSTACK, "tidemill");
    luaL_checktype(L, index, LUA_TTABLE);
    lua_rawgeti(L, index, door_slot);
    if (lua_tocfunction(L, -1) != door) luaL_argerror(L, index, "tidemill.Reactor expected");
    *frame = {};
    frame->state = L;
    frame->main = main_state(L);
    frame->door = lua_gettop(L);
    lua_getupvalue(L, frame->door, traceback_place);
    frame->traceback = lua_gettop(L);
    lua_pushnil(L);
    frame->raised = lua_gettop(L);
    lua_pushnil(L);
    frame->parked = lua_gettop(L);
    lua_getupvalue(L, frame->door, ticks_place);
    frame->ticks = lua_gettop(L);
    lua_getupvalue(L, frame->door, timers_place);
    frame->timers = lua_gettop(L);
}

LuaReactor* push_door_of(lua_State* L, int reactor, const char* operation) {
    luaL_checktype(L, reactor, LUA_TTABLE);
    lua_rawgeti(L, reactor, door_slot);
    if (lua_tocfunction(L, -1) == door) {
        lua_getupvalue(L, -1, host_place);
        auto* host = static_cast<LuaHost*>(lua_touserdata(L, -1));
        lua_pop(L, 1);
        return &host->reactor();
    }
    lua_getfield(L, reactor, "_core");
    lua_getfield(L, -1, operation);
    lua_call(L, 0, 0);
    return nullptr;
}

int push_door(lua_State* L, ReactorCore& core, int reactor, int open) {
    luaL_checktype(L, reactor, LUA_TTABLE);
    luaL_checktype(L, open, LUA_TTABLE);
    luaL_checkstack(L, LUA_MINSTACK + static_cast<int>(Name::count), "tidemill");
    auto& host = static_cast<LuaHost&>(core.host());
    host.reactor().core = &core;
    lua_pushlightuserdata(L, &host);
    lua_pushvalue(L, reactor);
    lua_pushvalue(L, open);
    get_registry(L, &traceback_key);
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 0);
    for (const char* name : event_names) lua_pushstring(L, name);
    for (const char* name : other_names) lua_pushstring(L, name);
    lua_pushcclosure(L, door, first_name_place - 1 + static_cast<int>(Name::count));
    return 1;
}

Host* make_lua_host() noexcept {
    return new (std::nothrow) LuaHost;
}

bool push_parked(lua_State* L, ReactorCore& core) {
    return static_cast<LuaHost&>(core.host()).push_parked(L);
}
void prepare_dispatch(lua_State* L) {
    push_traceback(L);
    set_registry(L, &traceback_key);
}

}  // namespace tidemill::script
