#include "bindings/lua_values.h"

#include <cmath>
#include <span>
#include <string>
#include <utility>

namespace tidemill::script {

static const char error_maker_key = 0;

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

// Of Lua 5.1 it is the environment, and so a table.
#if LUA_VERSION_NUM >= 504
void* new_keeping_userdata(lua_State* L, std::size_t size) {
    return lua_newuserdatauv(L, size, 1);
}
void keep_for(lua_State* L, int userdata) {
    lua_setiuservalue(L, userdata, 1);
}
void push_kept(lua_State* L, int userdata) {
    lua_getiuservalue(L, userdata, 1);
}
#elif LUA_VERSION_NUM >= 502
void* new_keeping_userdata(lua_State* L, std::size_t size) {
    return lua_newuserdata(L, size);
}
void keep_for(lua_State* L, int userdata) {
    lua_setuservalue(L, userdata);
}
void push_kept(lua_State* L, int userdata) {
    lua_getuservalue(L, userdata);
}
#else
void* new_keeping_userdata(lua_State* L, std::size_t size) {
    return lua_newuserdata(L, size);
}
void keep_for(lua_State* L, int userdata) {
    lua_setfenv(L, userdata);
}
void push_kept(lua_State* L, int userdata) {
    lua_getfenv(L, userdata);
}
#endif

// ---- the registry ----

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
static const char main_state_key = 0;

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

// ---- from Lua ----

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

// ---- for Lua ----

static void push_text(lua_State* L, Bytes text) {
    lua_pushlstring(L, text.data(), text.size());
}

// An error object, made by the adaptor. text: error.text(), made by somebody who may own a std::string.
static void push_error_object(lua_State* L, const Error& error, Bytes text) {
    get_registry(L, &error_maker_key);
    push_text(L, code_name(error.code));
    lua_pushinteger(L, error.os);
    push_text(L, errno_name(error.os));
    push_text(L, error.operation);
    push_text(L, error.endpoint);
    push_text(L, text);
    lua_call(L, 6, 1);
}

static void push_list(lua_State* L, std::span<const Bytes> list) {
    lua_createtable(L, static_cast<int>(list.size()), 0);
    for (std::size_t i = 0; i < list.size(); ++i) {
        push_text(L, list[i]);
        lua_rawseti(L, -2, static_cast<int>(i) + 1);
    }
}

static void push_pairs(lua_State* L, std::span<const Value::Pair> pairs) {
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

// Here, and not in push_error: its frame may be left by a longjmp. The text of an error beside it, on the heap.
struct Spoken {
    Error error;
    std::string text;
};

static Spoken* speak(Error* error) {
    auto* spoken = new Spoken{std::move(*error), {}};
    delete error;
    spoken->text = spoken->error.text();
    return spoken;
}

void push_error(lua_State* L, Error* error) {
    Spoken* spoken = speak(error);
    push_error_object(L, spoken->error, spoken->text);
    delete spoken;
}

int set_error_maker(lua_State* L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    set_registry(L, &error_maker_key);
    return 0;
}

}  // namespace tidemill::script
