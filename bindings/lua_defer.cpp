#include "bindings/lua_defer.h"

#include <cstring>
#include <memory>
#include <string>
#include <utility>

extern "C" {
#include <lualib.h>
}

namespace tidemill::script {
namespace {

// Tables in tables: deeper ones are no data any more but something that contains itself.
constexpr int deepest = 100;

// ---- values on their way: a letter, then what it needs ----

void add_raw(std::string& to, const void* data, std::size_t size) {
    to.append(static_cast<const char*>(data), size);
}

template <class T>
void add(std::string& to, char letter, const T& value) {
    to += letter;
    add_raw(to, &value, sizeof value);
}

const char* pack(lua_State* L, int index, std::string& to, int depth);

const char* pack_table(lua_State* L, int index, std::string& to, int depth) {
    if (depth == deepest) return "a table that contains itself, or tables in tables too deeply";
    if (lua_checkstack(L, 3) == 0) return "too much";
    if (lua_getmetatable(L, index) != 0) {
        lua_pop(L, 1);
        return "a table with a metatable";
    }
    to += '{';
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        const int key = lua_gettop(L) - 1;
        const char* problem = pack(L, key, to, depth + 1);
        if (problem == nullptr) problem = pack(L, key + 1, to, depth + 1);
        if (problem != nullptr) {
            lua_pop(L, 2);
            return problem;
        }
    }
    to += '}';
    return nullptr;
}

// What cannot be packed, or nullptr. Raises nothing of Lua's; index: absolute.
const char* pack(lua_State* L, int index, std::string& to, int depth) {
    switch (lua_type(L, index)) {
        case LUA_TNIL:
            to += 'n';
            return nullptr;
        case LUA_TBOOLEAN:
            to += lua_toboolean(L, index) != 0 ? 't' : 'f';
            return nullptr;
        case LUA_TNUMBER:
#if LUA_VERSION_NUM >= 503
            if (lua_isinteger(L, index) != 0) {
                add(to, 'i', lua_tointeger(L, index));
                return nullptr;
            }
#endif
            add(to, 'd', lua_tonumber(L, index));
            return nullptr;
        case LUA_TSTRING: {
            std::size_t size = 0;
            const char* text = lua_tolstring(L, index, &size);
            add(to, 's', size);
            add_raw(to, text, size);
            return nullptr;
        }
        case LUA_TTABLE:
            return pack_table(L, index, to, depth);
        default:
            return lua_typename(L, lua_type(L, index));
    }
}

template <class T>
T take(const char*& at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    return value;
}

// Pushes the next value. May raise.
void unpack(lua_State* L, const char*& at) {
    luaL_checkstack(L, 4, "tidemill");
    switch (*at++) {
        case 't':
            return lua_pushboolean(L, 1);
        case 'f':
            return lua_pushboolean(L, 0);
        case 'i':
            return lua_pushinteger(L, take<lua_Integer>(at));
        case 'd':
            return lua_pushnumber(L, take<lua_Number>(at));
        case 's': {
            const std::size_t size = take<std::size_t>(at);
            lua_pushlstring(L, at, size);
            at += size;
            return;
        }
        case '{':
            lua_newtable(L);
            while (*at != '}') {
                unpack(L, at);
                unpack(L, at);
                lua_rawset(L, -3);
            }
            ++at;
            return;
        default:
            return lua_pushnil(L);
    }
}

// ---- on the worker ----

struct Work {
    std::string code;
    std::string arguments;  // packed, one after the other
    int count = 0;
    std::string result;  // packed
};

// One for each thread, closed when it ends: a module that work requires is loaded once.
struct OwnState {
    lua_State* state = nullptr;
    ~OwnState() {
        if (state != nullptr) lua_close(state);
    }
};
thread_local OwnState own;

int perform(lua_State* L) {
    Work& work = *static_cast<Work*>(lua_touserdata(L, 1));
    if (luaL_loadbuffer(L, work.code.data(), work.code.size(), "=work") != 0) return lua_error(L);
    const char* at = work.arguments.data();
    for (int i = 0; i < work.count; ++i) unpack(L, at);
    lua_call(L, work.count, 1);
    const char* problem = pack(L, lua_gettop(L), work.result, 0);
    if (problem != nullptr) return luaL_error(L, "the result cannot be handed over: %s", problem);
    return 0;
}

int open_libraries(lua_State* L) {
    luaL_openlibs(L);
    return 0;
}

int call_protected(lua_State* L, lua_CFunction function, void* argument) {
#if LUA_VERSION_NUM >= 502
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    return lua_pcall(L, 1, 0, 0);
#else
    return lua_cpcall(L, function, argument);
#endif
}

Error work_error(std::string_view text) {
    return make_error(ErrorCode::work, "defer", {}, text);
}

Result<std::string> run(Work& work) {
    if (own.state == nullptr) {
        own.state = luaL_newstate();
        if (own.state == nullptr) return work_error("there is no memory for a Lua state");
        if (call_protected(own.state, open_libraries, nullptr) != 0) {
            lua_close(std::exchange(own.state, nullptr));
            return work_error("there is no memory for a Lua state");
        }
    }
    lua_State* L = own.state;
    const int status = call_protected(L, perform, &work);
    if (status == 0) return std::move(work.result);
    std::string text;
    if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) {
        std::size_t size = 0;
        const char* message = lua_tolstring(L, -1, &size);
        text.assign(message, size);
    } else {
        text = std::string("it raised a ") + luaL_typename(L, -1);
    }
    lua_settop(L, 0);
    return work_error(text);
}

// ---- on the caller's side ----

int append_piece(lua_State*, const void* data, std::size_t size, void* to) noexcept {
    try {
        add_raw(*static_cast<std::string*>(to), data, size);
        return 0;
    } catch (const std::bad_alloc&) {
        return 1;
    }
}

bool dump(lua_State* L, int index, std::string& to) {
    lua_pushvalue(L, index);
#if LUA_VERSION_NUM >= 503
    const int status = lua_dump(L, append_piece, &to, 0);
#else
    const int status = lua_dump(L, append_piece, &to);
#endif
    lua_pop(L, 1);
    return status == 0;
}

// The name of something from outside that the function uses, or nullptr. The table of globals may be: each state has its own.
const char* upvalue_of(lua_State* L, int index) {
    for (int i = 1;; ++i) {
        const char* name = lua_getupvalue(L, index, i);
        if (name == nullptr) return nullptr;
        lua_pop(L, 1);
        if (LUA_VERSION_NUM < 502 || std::strcmp(name, "_ENV") != 0) return *name == '\0' ? "?" : name;
    }
}

// Throws Failure.
std::uint64_t submit(lua_State* L, ReactorCore& core, std::int64_t ticket) {
    constexpr int function = 3;
    constexpr int arguments = 4;
    const auto refuse = [](const std::string& text) { throw Failure{make_error(ErrorCode::argument, "defer", {}, text)}; };
    auto work = std::make_shared<Work>();
    if (lua_iscfunction(L, function) != 0) refuse("the work must be a function written in Lua");
    if (const char* name = upvalue_of(L, function)) {
        refuse(std::string("the work uses the local '") + name + "' from outside, which its thread cannot see; hand it over in arguments");
    }
    if (!dump(L, function, work->code)) refuse("the work cannot be dumped");
    for (;; ++work->count) {
        lua_rawgeti(L, arguments, work->count + 1);
        const char* problem = lua_isnil(L, -1) ? nullptr : pack(L, lua_gettop(L), work->arguments, 0);
        const bool is_last = lua_isnil(L, -1);
        lua_pop(L, 1);
        if (problem != nullptr) refuse(std::string("an argument cannot be handed over: ") + problem);
        if (is_last) break;
    }
    auto outcome = std::make_shared<Result<std::string>>(std::string{});
    return core.submit([work, outcome] { *outcome = run(*work); }, outcome, ticket);
}

}  // namespace

int defer_from_lua(lua_State* L, ReactorCore& core) {
    const std::int64_t ticket = integer_from_lua(L, 2, 0, INT64_MAX);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    luaL_checktype(L, 4, LUA_TTABLE);
    luaL_checkstack(L, LUA_MINSTACK, "tidemill");
    std::uint64_t job = 0;
    Error* failed = failure_of("defer", [&] { job = submit(L, core, ticket); });
    if (failed != nullptr) {
        push_error(L, failed);
        return lua_error(L);
    }
    push_integer(L, job);
    return 1;
}

int take_result_to_lua(lua_State* L, ReactorCore& core) {
    Bytes packed;
    Error* failed = failure_of("defer", [&] { packed = core.take_answer(); });
    if (failed != nullptr) {
        push_error(L, failed);
        return lua_error(L);
    }
    const char* at = packed.data();
    unpack(L, at);
    return 1;
}

}  // namespace tidemill::script
