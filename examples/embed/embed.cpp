// Embed: a game whose loop is its own, with Lua inside; the script serves players over TCP with tidemill, a little in every frame.
//
//     eval "$(./dev env)"; build/examples/embed [--listen ENDPOINT] [--frames NUMBER] [--modules FOLDER] [--script FILE]
//
// This file knows nothing of tidemill and is not linked to it: the script requires its Lua module, as in any Lua program. What the host does
// is to call the script's frame() with a budget. The reactor lives in this thread, starts no other for it and touches no signal.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
}

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;
using namespace std::chrono_literals;

static constexpr auto frame_time = 16ms;
static constexpr double poll_budget = 0.002;  // seconds of a frame that players may take

struct Options {
    const char* endpoint = "tcp://127.0.0.1:0";  // port 0: a free one, which the script prints
    const char* script = "examples/embed/game.lua";
    const char* modules = nullptr;  // as build/lua; nothing: where LUA_PATH and LUA_CPATH say, or Lua itself
    long frames = 60;
};

// The game's world: C++, and no concern of the players' sockets.
struct Wheel {
    long frame = 0;
    double angle = 0;  // degrees
    double speed = 1;  // degrees a frame

    void turn() {
        ++frame;
        angle = std::fmod(angle + speed, 360);
    }
};

// ---- what the script may do with the world ----
// Lua's errors jump over C++ frames without destroying what is in them: no object with a destructor lives in a function that Lua calls.

static Wheel& wheel_of(lua_State* L) {
    return *static_cast<Wheel*>(lua_touserdata(L, lua_upvalueindex(1)));
}

static int wheel_look(lua_State* L) {
    const Wheel& wheel = wheel_of(L);
    lua_pushinteger(L, wheel.frame);
    lua_pushnumber(L, wheel.angle);
    lua_pushnumber(L, wheel.speed);
    return 3;
}

static int wheel_push(lua_State* L) {
    wheel_of(L).speed += luaL_checknumber(L, 1);
    return 0;
}

static void push_wheel(lua_State* L, Wheel& wheel) {
    static const luaL_Reg functions[] = {{"look", wheel_look}, {"push", wheel_push}, {nullptr, nullptr}};
    luaL_newlibtable(L, functions);
    lua_pushlightuserdata(L, &wheel);
    luaL_setfuncs(L, functions, 1);
}

// ---- the script ----

// Text that goes to the user, with the traceback of where it happened. What a callback of the reactor raised leaves poll() with its own.
static int describe(lua_State* L) {
    const std::string_view text = luaL_tolstring(L, 1, nullptr);
    if (text.find("stack traceback:") == text.npos) luaL_traceback(L, L, text.data(), 1);
    return 1;
}

// Looks for modules in the folder first: FOLDER/share has Lua files, FOLDER/5.4 the libraries. A game that brings its modules along does so.
static void search_first(lua_State* L, const char* folder) {
    lua_getglobal(L, "package");
    lua_pushfstring(L, "%s/share/?.lua;%s/share/?/init.lua;", folder, folder);
    lua_getfield(L, -2, "path");
    lua_concat(L, 2);
    lua_setfield(L, -2, "path");
    lua_pushfstring(L, "%s/5.4/?.so;", folder);
    lua_getfield(L, -2, "cpath");
    lua_concat(L, 2);
    lua_setfield(L, -2, "cpath");
    lua_pop(L, 1);
}

class Script {
public:
    // Runs the file, which listens. Throws what Lua says about it.
    Script(const Options& options, Wheel& wheel) : state_(luaL_newstate()) {
        if (!state_) throw std::bad_alloc();
        lua_State* L = state_.get();
        Loading loading{options, wheel};
        lua_pushcfunction(L, describe);
        lua_pushcfunction(L, load);
        lua_pushlightuserdata(L, &loading);
        call(1, 2);
    }

    // Lets the script serve its players for as long as the budget lasts. False: the game is over.
    bool frame(double budget) {
        lua_State* L = state_.get();
        lua_pushvalue(L, frame_place);
        lua_pushnumber(L, budget);
        call(1, 1);
        const bool goes_on = lua_toboolean(L, -1) != 0;
        lua_pop(L, 1);
        return goes_on;
    }

    void finish() {
        lua_pushvalue(state_.get(), finish_place);
        call(0, 0);
    }

private:
    struct Loading {
        const Options& options;
        Wheel& wheel;
    };

    struct Close {
        void operator()(lua_State* L) const { lua_close(L); }  // ends the reactor with all it has open, without a call of the script
    };

    // The bottom of the stack, for as long as the state lives: so a frame looks nothing up and allocates nothing.
    static constexpr int describe_place = 1;
    static constexpr int frame_place = 2;
    static constexpr int finish_place = 3;

    // In Lua's protection, as all that may raise or run out of memory: leaves the script's two functions.
    static int load(lua_State* L) {
        const Loading& loading = *static_cast<const Loading*>(lua_touserdata(L, 1));
        luaL_openlibs(L);
        if (loading.options.modules != nullptr) search_first(L, loading.options.modules);
        if (luaL_loadfile(L, loading.options.script) != LUA_OK) return lua_error(L);
        lua_pushstring(L, loading.options.endpoint);
        push_wheel(L, loading.wheel);
        lua_call(L, 2, 1);
        if (!lua_istable(L, -1)) return luaL_error(L, "%s returns no table with frame and finish", loading.options.script);
        lua_getfield(L, -1, "frame");
        lua_getfield(L, -2, "finish");
        return 2;
    }

    void call(int arguments, int results) {
        lua_State* L = state_.get();
        if (lua_pcall(L, arguments, results, describe_place) == LUA_OK) return;
        const char* text = lua_tostring(L, -1);
        std::string problem = text != nullptr ? text : "an error that cannot be described";
        lua_pop(L, 1);
        throw std::runtime_error(problem);
    }

    std::unique_ptr<lua_State, Close> state_;
};

// ---- the game ----

static void play(const Options& options) {
    Wheel wheel;
    Script script(options, wheel);
    Clock::duration longest{0};
    Clock::time_point due = Clock::now();
    for (bool goes_on = true; goes_on && wheel.frame < options.frames;) {
        wheel.turn();
        // ... here a game looks at its keyboard, computes and draws ...
        const Clock::time_point begin = Clock::now();
        goes_on = script.frame(poll_budget);
        const Clock::time_point end = Clock::now();
        longest = std::max(longest, end - begin);
        due = std::max(due + frame_time, end);  // a frame that was late is not caught up with
        std::this_thread::sleep_until(due);  // a game waits for its screen here
    }
    script.finish();
    std::printf("%ld frames, the longest poll took %.3f ms\n", wheel.frame, Milliseconds(longest).count());
}

static bool parse(int argc, char** argv, Options& options) {
    for (int i = 1; i < argc; i += 2) {
        const std::string_view name = argv[i];
        if (i + 1 == argc) return false;
        const char* value = argv[i + 1];
        char* end = nullptr;
        if (name == "--listen") {
            options.endpoint = value;
        } else if (name == "--modules") {
            options.modules = value;
        } else if (name == "--script") {
            options.script = value;
        } else if (name == "--frames") {
            options.frames = std::strtol(value, &end, 10);
            if (end == value || *end != '\0' || options.frames < 0) return false;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char** argv) {
    Options options;
    if (!parse(argc, argv, options)) {
        std::fprintf(stderr, "usage: %s [--listen ENDPOINT] [--frames NUMBER] [--modules FOLDER] [--script FILE]\n", argv[0]);
        return 2;
    }
    try {
        play(options);
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "%s\n", problem.what());
        return 1;
    }
    return 0;
}
