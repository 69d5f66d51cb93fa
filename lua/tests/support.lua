-- The tiny test runner of these files, and what several of them need. Each file is a program: lua lua/tests/errors.lua
--
--     local test = require "support"
--     test("a_sentence", function() ... assert(...) end)
--     test.finish()                                          -- prints `N passed, N failed`, ends the program
local test = {passed = 0, failed = 0, skipped = 0}

-- The lines of `text` without the traceback.
function test.first_line(text)
    return (tostring(text):match("^[^\n]*"))
end

function test.equal(seen, expected, what)
    if seen ~= expected then
        error(("%sexpected %s, seen %s"):format(what and what .. ": " or "", tostring(expected), tostring(seen)), 2)
    end
end

-- The message has the text.
function test.has(message, text)
    if not tostring(message):find(text, 1, true) then
        error(("expected a text with '%s', seen '%s'"):format(text, tostring(message)), 2)
    end
end

-- What the call raises.
function test.raised(call, ...)
    local is_fine, problem = pcall(call, ...)
    if is_fine then
        error("it did not raise", 2)
    end
    return problem
end

-- Twice: Lua 5.1 frees in the second round what the first one finalised.
function test.collect()
    collectgarbage()
    collectgarbage()
end

-- Turns until nothing happens any more.
function test.settle(reactor)
    local turns = 0
    while reactor:run_once(0) do
        turns = turns + 1
        assert(turns < 1000000, "every turn finds something to do")
    end
end

-- The output, both kinds, and whether it ended well, of a program in an interpreter like this one.
function test.run_in_child(program, ending)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(program)
    file:close()
    local pipe = io.popen(("timeout 60 %s %s 2>&1; echo \"status $?\""):format(arg[-1], path))
    local output = pipe:read("*a")
    pipe:close()
    os.remove(path)
    if ending then
        test.has(output, ending)
    end
    return output
end

-- A test that cannot run here, and why; counted and said.
function test.skip(name, why)
    test.skipped = test.skipped + 1
    print(("skipped %s: %s"):format(name, why))
end

local function run(_, name, body)
    local is_fine, problem = xpcall(body, debug.traceback)
    if is_fine then
        test.passed = test.passed + 1
    else
        test.failed = test.failed + 1
        print(("FAILED %s: %s"):format(name, tostring(problem)))
    end
end

function test.finish()
    print(("%d passed, %d failed, %d skipped"):format(test.passed, test.failed, test.skipped))
    if test.failed > 0 then
        os.exit(1)
    end
    -- Otherwise the program just ends: the state is closed with all that the tests left open.
end

setmetatable(test, {__call = run})

-- As a program of its own this file tests the runner: a failing test has to be seen.
if arg[0]:find("support%.lua$") then
    local print_out = print
    print = function() end
    test("fails", function() test.equal(1, 2) end)
    print = print_out
    local has_failed = test.failed == 1
    test.failed = 0
    test("a_failing_test_is_counted", function() assert(has_failed) end)
    test("a_child_is_run", function() test.equal(test.run_in_child("print(1 + 1)"), "2\nstatus 0\n") end)
    test.finish()
end

return test
