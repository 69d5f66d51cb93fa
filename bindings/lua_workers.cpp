#include "bindings/lua_workers.h"

#include <chrono>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

extern "C" {
#include <lauxlib.h>
#include <lualib.h>
}

#include "bindings/facade.h"
#include "tidemill/reactor/workers.h"
#include "tidemill/sys/signals.h"

namespace tidemill::script {
namespace {

using namespace std::chrono_literals;

constexpr const char* type_name = "tidemill.workers";

// How often run() looks for signals. Lua has no way to be told.
constexpr auto look = 20ms;

using Plain = std::variant<std::monostate, bool, lua_Integer, lua_Number, std::string>;

// What every state is given.
struct Plan {
    bool is_file = false;
    std::string code;
    std::string path;
    std::string cpath;
    std::vector<Plain> arguments;
};

std::string text_at(lua_State* L, int index) {
    std::size_t size = 0;
    const char* text = lua_tolstring(L, index, &size);
    return text == nullptr ? std::string() : std::string(text, size);
}

bool is_integer(lua_State* L, int index) {
#if LUA_VERSION_NUM >= 503
    return lua_isinteger(L, index) != 0;
#else
    static_cast<void>(L), static_cast<void>(index);
    return false;  // one kind of number
#endif
}

Plain plain_at(lua_State* L, int index) {
    switch (lua_type(L, index)) {
        case LUA_TBOOLEAN:
            return lua_toboolean(L, index) != 0;
        case LUA_TNUMBER:
            if (is_integer(L, index)) return lua_tointeger(L, index);
            return lua_tonumber(L, index);
        case LUA_TSTRING:
            return text_at(L, index);
        default:
            return std::monostate{};
    }
}

// ---- in a worker's thread ----

struct Task {
    const Plan& plan;
    int index;
};

struct Pusher {
    lua_State* L;
    void operator()(std::monostate) const { lua_pushnil(L); }
    void operator()(bool value) const { lua_pushboolean(L, value); }
    void operator()(lua_Integer value) const { lua_pushinteger(L, value); }
    void operator()(lua_Number value) const { lua_pushnumber(L, value); }
    void operator()(const std::string& value) const { lua_pushlstring(L, value.data(), value.size()); }
};

void set_search_path(lua_State* L, const char* name, const std::string& value) {
    lua_getglobal(L, "package");
    lua_pushlstring(L, value.data(), value.size());
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

// Inside lua_pcall; what it uses of C++ belongs to others.
int begin(lua_State* L) {
    const Task& task = *static_cast<const Task*>(lua_touserdata(L, 1));
    luaL_openlibs(L);
    set_search_path(L, "path", task.plan.path);
    set_search_path(L, "cpath", task.plan.cpath);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "tidemill.worker");
    lua_call(L, 1, 1);
    luaL_checkstack(L, static_cast<int>(task.plan.arguments.size()) + 10, "too many arguments");
    lua_pushboolean(L, task.plan.is_file);
    lua_pushlstring(L, task.plan.code.data(), task.plan.code.size());
    lua_pushinteger(L, task.index);
    for (const Plain& argument : task.plan.arguments) std::visit(Pusher{L}, argument);
    lua_call(L, static_cast<int>(task.plan.arguments.size()) + 3, 0);
    return 0;
}

Result<void> work(const Plan& plan, Worker& worker) {
    struct Close {
        void operator()(lua_State* L) const { lua_close(L); }
    };
    const std::unique_ptr<lua_State, Close> state(luaL_newstate());
    if (!state) return make_error(ErrorCode::limit, "run workers", {}, "not enough memory for a Lua state");
    Task task{plan, worker.index()};
    set_current_worker(&worker);
    lua_pushcfunction(state.get(), begin);
    lua_pushlightuserdata(state.get(), &task);
    const int status = lua_pcall(state.get(), 1, 0, 0);
    set_current_worker(nullptr);
    if (status != 0) throw std::runtime_error("worker " + std::to_string(worker.index()) + ": " + text_at(state.get(), -1));
    return {};
}

// ---- in the parent's ----

// What the userdata holds: nothing when it has been collected.
struct Holder {
    Workers* workers;
};

Holder& holder_at(lua_State* L, int index) {
    return *static_cast<Holder*>(luaL_checkudata(L, index, type_name));
}

Workers& workers_at(lua_State* L, int index) {
    Holder& holder = holder_at(L, index);
    if (holder.workers == nullptr) luaL_argerror(L, index, "these workers are gone");
    return *holder.workers;
}

int collect(lua_State* L) {
    Holder& holder = holder_at(L, 1);
    delete std::exchange(holder.workers, nullptr);
    return 0;
}

// The rest raises by longjmp; this part has destructors and does not.
bool make(lua_State* L, Holder& holder) noexcept {
    try {
        auto plan = std::make_shared<Plan>();
        plan->is_file = lua_toboolean(L, 3) != 0;
        plan->code = text_at(L, 4);
        plan->path = text_at(L, 5);
        plan->cpath = text_at(L, 6);
        const int top = lua_gettop(L) - 1;  // the holder is on top
        for (int index = 7; index <= top; ++index) plan->arguments.push_back(plain_at(L, index));
        const auto deadline = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(lua_tonumber(L, 2), 1e9)));
        const auto body = [plan](Worker& worker) { return work(*plan, worker); };
        holder.workers = Workers::with_body(static_cast<int>(lua_tointeger(L, 1)), body, {deadline}).release();
        return true;
    } catch (...) {
        return false;
    }
}

// The error's text, "" for none.
std::string run_all(Workers& workers) {
    SignalFd terminate;
    SignalFd interrupt;
    if (Result<void> opened = terminate.open("TERM"); !opened) return opened.error().text();
    if (Result<void> opened = interrupt.open("INT"); !opened) return opened.error().text();
    if (Result<void> started = workers.start(); !started) return started.error().text();
    while (!workers.wait_for(look)) {
        const bool is_terminated = terminate.take();
        if (interrupt.take() || is_terminated) workers.stop();
    }
    try {
        const Result<void> ended = workers.join();
        return ended.ok() ? std::string() : ended.error().text();
    } catch (const std::exception& problem) {
        return problem.what();
    }
}

bool push_outcome(lua_State* L, Workers& workers) noexcept {
    const std::string problem = run_all(workers);
    if (problem.empty()) return true;
    lua_pushlstring(L, problem.data(), problem.size());
    return false;
}

}  // namespace

int workers_new(lua_State* L) {
    luaL_checkinteger(L, 1);
    luaL_checknumber(L, 2);
    for (int index = 4; index <= 6; ++index) luaL_checkstring(L, index);
    for (int index = 7; index <= lua_gettop(L); ++index) {
        const int type = lua_type(L, index);
        const bool is_plain = type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING;
        if (!is_plain)
            return luaL_error(L, "an argument of the setup must be nil, a boolean, a number or a string, not a %s", lua_typename(L, type));
    }
    Holder* holder = static_cast<Holder*>(lua_newuserdata(L, sizeof(Holder)));
    holder->workers = nullptr;
    if (luaL_newmetatable(L, type_name)) {
        lua_pushcfunction(L, collect);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    if (!make(L, *holder)) return luaL_error(L, "not enough memory");
    return 1;
}

int workers_count(lua_State* L) {
    lua_pushinteger(L, workers_at(L, 1).count());
    return 1;
}

int workers_run(lua_State* L) {
    Workers& workers = workers_at(L, 1);
    luaL_checkstack(L, 5, nullptr);
    return push_outcome(L, workers) ? 0 : lua_error(L);
}

int workers_stop(lua_State* L) {
    workers_at(L, 1).stop();
    return 0;
}

}  // namespace tidemill::script
