// What `require "tidemill.core"` calls.
#include <mutex>

#include "bindings/lua_connection.h"
#include "bindings/lua_dispatch.h"

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
    prepare_dispatch(L);
    prepare_connections(L);
    lua_pushcfunction(L, open_without_globals);
    loading.lock();  // no lock_guard: what raises here leaves by a longjmp, but it stops at lua_pcall
    const int status = lua_pcall(L, 0, 1, 0);
    loading.unlock();
    return status == 0 ? 1 : lua_error(L);
}