-- Runs bindings/lua_states_test.cpp: a C++ host, linked to the library of the same Lua as the interpreter that runs this.
package.path = arg[0]:match("^(.*/)") .. "?.lua;" .. package.path
local test = require "support"

local host = jit and "luajit" or _VERSION:match("[%d.]+$")
local program = ("%s/tests/states-%s"):format(package.cpath:match("([^;]*)/5%.[14]/%?%.so") or ".", host)
local file = io.open(program)

if not file then
    print("skipped: there is no " .. program .. "; the build makes it where this Lua's library is found")
    print("0 passed, 0 failed, 1 skipped")
    return
end
file:close()

test("several_states_in_one_process_and_memory_that_runs_out", function()
    local pipe = io.popen(program .. " 2>&1")
    local output = pipe:read("*a")
    pipe:close()
    assert(output:find("%d passed, 0 failed\n$"), output)
end)

test.finish()
