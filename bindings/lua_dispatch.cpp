#include "bindings/lua_dispatch.h"

#include <cmath>
#include <cstdlib>
#include <mutex>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "bindings/protocol.h"

namespace tidemill::script {
namespace {

// ---- what differs between the versions ----

#if LUA_VERSION_NUM >= 502
std::size_t raw_length(lua_State* L, int index) {
    return lua_rawlen(L, index);
}
#else
std::size_t raw_length(lua_State* L, int index) {
    return lua_objlen(L, index);
}
#endif

void* new_userdata(lua_State* L, std::size_t size) {
#if LUA_VERSION_NUM >= 504
    return lua_newuserdatauv(L, size, 0);
#else
    return lua_newuserdata(L, size);
#endif
}

// ---- this module's things in a state's registry, under the addresses of these ----

const char endpoint_metatable_key = 0;
const char error_maker_key = 0;
const char traceback_key = 0;

void set_registry(lua_State* L, const char* key) {  // the value on top, which it pops
    lua_pushlightuserdata(L, const_cast<char*>(key));
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

void get_registry(lua_State* L, const char* key) {
    lua_pushlightuserdata(L, const_cast<char*>(key));
    lua_rawget(L, LUA_REGISTRYINDEX);
}

// The state that Lua's interpreter made: never a coroutine, which may be gone tomorrow. nullptr if it cannot be known.
#if LUA_VERSION_NUM >= 502
lua_State* main_state(lua_State* L) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_State* main = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main;
}
void remember_main_state(lua_State*) {}
#else
const char main_state_key = 0;

lua_State* main_state(lua_State* L) {
    get_registry(L, &main_state_key);
    lua_State* main = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main;
}

void remember_main_state(lua_State* L) {
    if (lua_pushthread(L)) {
        set_registry(L, &main_state_key);
    } else {
        lua_pop(L, 1);  // required by a coroutine
    }
}
#endif

int raise_type_error(lua_State* L, int index, const char* expected) {
    return luaL_argerror(L, index, lua_pushfstring(L, "%s expected, got %s", expected, luaL_typename(L, index)));
}

// ---- values for Lua: may raise ----

void push_text(lua_State* L, Bytes text) {
    lua_pushlstring(L, text.data(), text.size());
}

// An error object, made by the adaptor. text: error.text(), made by somebody who may own a std::string.
void push_error_object(lua_State* L, const Error& error, Bytes text) {
    get_registry(L, &error_maker_key);
    push_text(L, code_name(error.code));
    lua_pushinteger(L, error.os);
    push_text(L, errno_name(error.os));
    push_text(L, error.operation);
    push_text(L, error.endpoint);
    push_text(L, text);
    lua_call(L, 6, 1);
}

void push_list(lua_State* L, std::span<const Bytes> list) {
    lua_createtable(L, static_cast<int>(list.size()), 0);
    for (std::size_t i = 0; i < list.size(); ++i) {
        push_text(L, list[i]);
        lua_rawseti(L, -2, static_cast<int>(i) + 1);
    }
}

void push_pairs(lua_State* L, std::span<const Value::Pair> pairs) {
    lua_createtable(L, static_cast<int>(pairs.size()), 0);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const Bytes pair[] = {pairs[i].first, pairs[i].second};
        push_list(L, pair);
        lua_rawseti(L, -2, static_cast<int>(i) + 1);
    }
}

void push_value(lua_State* L, const Value& value, Bytes error_text) {
    switch (value.kind) {
        case Value::Kind::octets_list:
            return push_list(L, value.list);
        case Value::Kind::octets_pairs:
        case Value::Kind::text_pairs:
            return push_pairs(L, value.pairs);
        case Value::Kind::octets:
        case Value::Kind::text:
            return push_text(L, value.bytes);
        case Value::Kind::integer:
            return push_integer(L, static_cast<std::uint64_t>(value.integer));
        case Value::Kind::real:
            return lua_pushnumber(L, value.real);
        case Value::Kind::boolean:
            return lua_pushboolean(L, value.boolean);
        case Value::Kind::error:
            return value.error->is_set() ? push_error_object(L, *value.error, error_text) : lua_pushnil(L);
    }
}

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

// ---- the C++ half of a connection object ----

class LuaHost;

class LuaHandler final : public ScriptHandler {
public:
    bool is_anchored() const { return instance_ != LUA_NOREF; }

private:
    friend class LuaHost;
    friend int tidemill::script::anchor(lua_State*);
    friend int tidemill::script::release(lua_State*);

    bool emit(Event event, const Value* arguments, std::size_t count) override;

    // Places in the reactor's table of open connections. The endpoint has its own: a program may take it out of the instance.
    int instance_ = LUA_NOREF;
    int endpoint_ = LUA_NOREF;
};

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
    forget = count
};

constexpr const char* other_names[] = {"_call_timer", "_callee", "_accept", "_report", "_pulse", "on_error", "_error_handler", "_objects"};
static_assert(std::size(other_names) == static_cast<std::size_t>(Name::count) - event_count);

// The door's upvalues.
constexpr int host_place = 1;
constexpr int reactor_place = 2;
constexpr int open_place = 3;
constexpr int traceback_place = 4;
constexpr int ticks_place = 5;
constexpr int core_place = 6;
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
        } else if (call->name == Name::forget) {
            forget_inside(L, *call);
        } else if (call->name == Name::on_error || call->name == Name::error_handler) {
            pass_error(L, *call);
        } else {
            pass_to_adaptor(L, *call);
        }
        return 0;
    }

    // Where the next tick's function goes. Places begin anew when the queue is empty and when they are used up.
    int next_place() const { return is_queue_empty() ? 1 : following(last_tick_); }
    void occupy(int place) {
        if (is_queue_empty()) first_tick_ = place;
        last_tick_ = place;
    }
    void forget_ticks() { last_tick_ = 0; }

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

    bool call_timer(Ticket ticket) override { return call(Name::timer, ticket); }
    // Straight from the queue into lua_pcall: none of what comes before can raise. Whom a watch wants to know goes through the door.
    bool call_tick() override {
        if (is_watching()) return call(Name::tick);
        lua_State* L = frame_.state;
        lua_getupvalue(L, frame_.door, ticks_place);
        take_tick(L, lua_gettop(L));
        lua_remove(L, -2);
        return succeeds(L, 0);
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
                    .places = {std::exchange(forgotten.instance_, LUA_NOREF), std::exchange(forgotten.endpoint_, LUA_NOREF)}};
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

    // Pushes the first of the queue, which is a table that only the door and next_tick know. Does not raise.
    void take_tick(lua_State* L, int queue) {
        lua_rawgeti(L, queue, first_tick_);
        lua_pushnil(L);
        lua_rawseti(L, queue, first_tick_);
        if (first_tick_ == last_tick_) {
            last_tick_ = 0;
        } else {
            first_tick_ = following(first_tick_);
        }
    }

    // Whose event it is: a connection, another object, or nil.
    static void push_instance(lua_State* L, const Upcall& call) {
        if (call.handler != nullptr) {
            lua_rawgeti(L, lua_upvalueindex(open_place), call.handler->instance_);
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

    static constexpr int most_places = 1 << 30;
    static int following(int place) { return place < most_places ? place + 1 : 1; }
    bool is_queue_empty() const { return last_tick_ == 0; }

    LuaFrame frame_{};
    Upcall* call_ = nullptr;
    int first_tick_ = 1;
    int last_tick_ = 0;  // 0: the queue is empty
    bool is_inside_ = false;
    bool has_parked_ = false;
    lua_Hook seen_hook_ = nullptr;
};

bool LuaHandler::emit(Event event, const Value* arguments, std::size_t count) {
    return static_cast<LuaHost*>(host())->emit(*this, event, arguments, count);
}

int door(lua_State* L) {
    return static_cast<LuaHost*>(lua_touserdata(L, lua_upvalueindex(host_place)))->pass(L);
}

// What the door of a reactor has in that place, and the door on the stack. nullptr: the reactor is gone, and what takes its core's place
// has not raised for the operation. May raise.
void* push_door_of(lua_State* L, int reactor, int place, const char* operation) {
    luaL_checktype(L, reactor, LUA_TTABLE);
    lua_getfield(L, reactor, "_door");
    if (lua_tocfunction(L, -1) == door) {
        lua_getupvalue(L, -1, place);
        void* found = lua_touserdata(L, -1);
        lua_pop(L, 1);
        return found;
    }
    lua_getfield(L, reactor, "_core");
    lua_getfield(L, -1, operation);
    lua_call(L, 0, 0);
    return nullptr;
}

LuaHost* push_host(lua_State* L, int reactor) {
    return static_cast<LuaHost*>(push_door_of(L, reactor, host_place, "next_tick"));
}

// nullptr: the loop will call. Does not raise, and lets no C++ exception out.
Error* try_queue_tick(Host& host) {
    try {
        Result<void> queued = host.queue_tick();
        return queued ? nullptr : new Error(queued.error());
    } catch (const std::exception& exception) {
        return new Error(make_error(ErrorCode::limit, "next_tick", {}, exception.what()));
    }
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

// Here, and not in push_error: its frame may be left by a longjmp. The text of an error beside it, on the heap.
struct Spoken {
    Error error;
    std::string text;
};

Spoken* speak(Error* error) {
    auto* spoken = new Spoken{std::move(*error), {}};
    delete error;
    spoken->text = spoken->error.text();
    return spoken;
}

}  // namespace

// ---- for swig/lua.i ----

void prepare_run(lua_State* L, int index, LuaFrame* frame) {
    luaL_checkstack(L, LUA_MINSTACK, "tidemill");
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "_door");
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
}

ScriptHandler* handler_from_lua(lua_State* L, int index) {
    return &check_handler(L, index);
}

Bytes text_from_lua(lua_State* L, int index) {
    if (lua_type(L, index) != LUA_TSTRING) raise_type_error(L, index, "string");
    std::size_t size = 0;
    const char* text = lua_tolstring(L, index, &size);
    return {text, size};
}

double number_from_lua(lua_State* L, int index) {
    if (lua_type(L, index) != LUA_TNUMBER) raise_type_error(L, index, "number");
    return lua_tonumber(L, index);
}

std::int64_t integer_from_lua(lua_State* L, int index, std::int64_t least, std::int64_t most) {
    const double number = number_from_lua(L, index);
    // 2^63 is the first double that std::int64_t does not hold.
    const bool is_whole = number == std::floor(number) && number >= -0x1p63 && number < 0x1p63;
    if (!is_whole) luaL_argerror(L, index, "number has no integer representation");
#if LUA_VERSION_NUM >= 503
    const std::int64_t integer = lua_tointeger(L, index);
#else
    const auto integer = static_cast<std::int64_t>(number);
#endif
    if (integer < least || integer > most) luaL_argerror(L, index, "number out of range");
    return integer;
}

void push_integer(lua_State* L, std::uint64_t number) {
#if LUA_VERSION_NUM >= 503
    lua_pushinteger(L, static_cast<lua_Integer>(number));
#else
    lua_pushnumber(L, static_cast<lua_Number>(static_cast<std::int64_t>(number)));
#endif
}

void push_error(lua_State* L, Error* error) {
    Spoken* spoken = speak(error);
    push_error_object(L, spoken->error, spoken->text);
    delete spoken;
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
    handler.endpoint_ = luaL_ref(L, 1);
    lua_pushvalue(L, 2);
    handler.instance_ = luaL_ref(L, 1);
    return 0;
}

int release(lua_State* L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    LuaHandler& handler = check_handler(L, 2);
    luaL_unref(L, 1, std::exchange(handler.instance_, LUA_NOREF));
    luaL_unref(L, 1, std::exchange(handler.endpoint_, LUA_NOREF));
    return 0;
}

// Upvalue: the adaptor's judgement of what is no function.
static int next_tick(lua_State* L) {
    lua_settop(L, 2);
    if (lua_type(L, 2) != LUA_TFUNCTION) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushinteger(L, 1);
        lua_pushliteral(L, "next_tick");
        lua_pushvalue(L, 2);
        lua_call(L, 3, 0);
    }
    LuaHost* host = push_host(L, 1);
    if (host == nullptr) return 0;
    lua_getupvalue(L, 3, ticks_place);
    const int place = host->next_place();
    lua_pushvalue(L, 2);
    lua_rawseti(L, 4, place);
    if (Error* failed = try_queue_tick(*host)) {
        lua_pushnil(L);
        lua_rawseti(L, 4, place);
        push_error(L, failed);
        return lua_error(L);
    }
    host->occupy(place);
    return 0;
}

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
    auto* core = static_cast<ReactorCore*>(push_door_of(L, 1, core_place, "call_later"));
    if (core == nullptr) return 0;
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
    auto* core = static_cast<ReactorCore*>(push_door_of(L, 1, core_place, "timer_cancel"));
    if (core == nullptr) return 0;
    bool is_cancelled = false;
    if (Error* failed = failure_of("cancel", [&] { is_cancelled = core->timer_cancel(id); })) {
        push_error(L, failed);
        return lua_error(L);
    }
    lua_pushboolean(L, is_cancelled);
    return 1;
}

int forget_ticks(lua_State* L) {
    lua_settop(L, 1);
    LuaHost* host = push_host(L, 1);
    if (host == nullptr) return 0;
    lua_createtable(L, 0, 0);
    lua_setupvalue(L, 2, ticks_place);
    host->forget_ticks();
    return 0;
}

int set_error_maker(lua_State* L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    set_registry(L, &error_maker_key);
    return 0;
}

int push_door(lua_State* L, ReactorCore& core, int reactor, int open) {
    luaL_checktype(L, reactor, LUA_TTABLE);
    luaL_checktype(L, open, LUA_TTABLE);
    luaL_checkstack(L, LUA_MINSTACK + static_cast<int>(Name::count), "tidemill");
    lua_pushlightuserdata(L, &core.host());
    lua_pushvalue(L, reactor);
    lua_pushvalue(L, open);
    get_registry(L, &traceback_key);
    lua_createtable(L, 0, 0);
    lua_pushlightuserdata(L, &core);
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

}  // namespace tidemill::script

// ---- loading ----

extern "C" int luaopen_core(lua_State* L);  // made by SWIG

// SWIG's tables are the process's; two states may load the module at once, in two threads.
static std::mutex loading;

// Calls what SWIG made, which also sets two globals. A module makes none: what they were before is put back.
static int open_without_globals(lua_State* L) {
    static constexpr const char* names[] = {"swig_type", "swig_equals"};
#if LUA_VERSION_NUM >= 502
    lua_pushglobaltable(L);
#else
    lua_pushvalue(L, LUA_GLOBALSINDEX);
#endif
    const int globals = lua_gettop(L);
    for (const char* name : names) {
        lua_pushstring(L, name);
        lua_rawget(L, globals);
    }
    lua_pushcfunction(L, luaopen_core);
    lua_call(L, 0, 1);
    for (int i = 0; i < 2; ++i) {
        lua_pushstring(L, names[i]);
        lua_pushvalue(L, globals + 1 + i);
        lua_rawset(L, globals);
    }
    return 1;
}

extern "C" __attribute__((visibility("default"))) int luaopen_tidemill_core(lua_State* L) {
    using namespace tidemill::script;
    remember_main_state(L);
    push_traceback(L);
    set_registry(L, &traceback_key);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, finalise_endpoint);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, "tidemill.endpoint");
    lua_setfield(L, -2, "__metatable");
    set_registry(L, &endpoint_metatable_key);
    lua_pushcfunction(L, open_without_globals);
    loading.lock();  // no lock_guard: what raises here leaves by a longjmp, but it stops at lua_pcall
    const int status = lua_pcall(L, 0, 1, 0);
    loading.unlock();
    return status == 0 ? 1 : lua_error(L);
}
