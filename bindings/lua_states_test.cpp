// A C++ host with Lua inside: several states in one process, in threads, and states whose memory runs out at every possible moment.
// Run by lua/tests/states.lua, in whose environment the package is found. Ends with `N passed, N failed`.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#if __has_include(<luajit.h>)
#include <luajit.h>
#endif
}

static int passed = 0;
static int failed = 0;

static void check(bool is_true, const char* what) {
    ++(is_true ? passed : failed);
    if (!is_true) std::printf("FAILED %s\n", what);
}

// Serves an echo over memory, with a timer, a tick and an error in a callback; leaves connections open. Returns what came back.
static const char* const program = R"(
    local tidemill = require "tidemill"
    local reactor = tidemill.Reactor:new {clock = "manual"}
    local answer = ""
    local Echo = tidemill.Connection:extend()
    function Echo:on_data(data) self:write(data) end
    local Client = tidemill.Connection:extend()
    function Client:on_open() self:write("hello") end
    function Client:on_data(data)
        answer = answer .. data
        if answer == "hello" then error("thrown") end
    end
    function Client:on_error() self:write(" again") end
    function Client:on_close(reason) answer = answer .. " " .. tostring(reason) end
    reactor:listen("memory://echo", Echo)
    local client = reactor:connect("memory://echo", Client)
    reactor:connect("memory://echo", Client)
    reactor:connect("memory://nobody", Client)
    reactor:call_later(1, function() client:close() end)
    reactor:next_tick(function() end)
    for _ = 1, 20 do reactor:run_once(0) end
    reactor:advance(1)
    for _ = 1, 20 do reactor:run_once(0) end
    pcall(reactor.listen, reactor, "nonsense", Echo)
    kept = reactor
    return answer
)";

static bool run_program(lua_State* L) {
    return luaL_loadstring(L, program) == 0 && lua_pcall(L, 0, 1, 0) == 0;
}

static bool echoes(lua_State* L) {
    const bool is_fine = run_program(L) && std::strstr(lua_tostring(L, -1), "hello") != nullptr;
    if (!is_fine) std::printf("%s\n", lua_tostring(L, -1));
    lua_pop(L, 1);
    return is_fine;
}

static lua_State* new_state() {
    lua_State* L = luaL_newstate();
    luaL_openlibs(L);
    return L;
}

static void test_states_side_by_side() {
    std::vector<lua_State*> states;
    for (int i = 0; i < 8; ++i) states.push_back(new_state());
    for (int round = 0; round < 3; ++round) {
        for (lua_State* L : states) check(echoes(L), "states side by side");
    }
    for (lua_State* L : states) lua_close(L);
    lua_State* L = new_state();
    check(echoes(L), "a state after the others closed");
    lua_close(L);
}

static void test_states_in_threads() {
    bool are_fine[4] = {};
    std::vector<std::thread> threads;
    for (bool& is_fine : are_fine) {
        threads.emplace_back([&is_fine] {
            is_fine = true;
            for (int i = 0; i < 20; ++i) {
                lua_State* L = new_state();
                is_fine = echoes(L) && is_fine;
                lua_close(L);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const bool is_fine : are_fine) check(is_fine, "states in threads");
}

#ifndef LUAJIT_VERSION_NUM  // LuaJIT wants its own allocator

// Refuses the allocation of that number and those after it: two, because Lua 5.4 collects garbage and tries again, or all.
struct Memory {
    long allowed;
    long refused;
    bool has_refused = false;
};

static void* allocate(void* context, void* old, std::size_t old_size, std::size_t size) {
    if (size == 0) {
        std::free(old);
        return nullptr;
    }
    Memory& memory = *static_cast<Memory*>(context);
    const bool is_growing = old == nullptr || size > old_size;
    if (is_growing && memory.allowed >= 0 && memory.allowed-- == 0 && memory.refused > 0) {
        memory.allowed = 0;
        --memory.refused;
        memory.has_refused = true;
        return nullptr;
    }
    return std::realloc(old, size);
}

static int open_libraries(lua_State* L) {
    luaL_openlibs(L);
    return 0;
}

// Whatever moment it is: the error is Lua's, nothing is lost, the state can be closed.
static void test_memory_that_runs_out(long refused) {
    long number = 0;
    for (bool is_over = false; !is_over; ++number) {
        Memory memory{-1, refused};
        lua_State* L = lua_newstate(allocate, &memory);
        lua_pushcfunction(L, open_libraries);
        lua_pcall(L, 0, 0, 0);
        lua_pushcfunction(L, [](lua_State* inner) {
            lua_pushboolean(inner, run_program(inner));
            return 1;
        });
        memory.allowed = number;
        lua_pcall(L, 0, 1, 0);
        memory.allowed = -1;
        is_over = !memory.has_refused;
        lua_close(L);
    }
    check(number > 500, "memory that runs out");
}

#endif

int main() {
    test_states_side_by_side();
    test_states_in_threads();
#ifndef LUAJIT_VERSION_NUM
    test_memory_that_runs_out(2);
    test_memory_that_runs_out(1000000000);
#endif
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
