-- Workers: one Lua state a thread. Nothing but code and plain values goes in, nothing but text comes out.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local test = require "support"
local tidemill = require "tidemill"

-- Workers write into files, one each: they share nothing else with this state.
local function read(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    os.remove(path)
    return text
end

test("each_worker_has_its_own_state_and_gets_plain_arguments", function()
    local base = os.tmpname()
    local workers = tidemill.Workers:new(3, function(reactor, index, path, number, flag, nothing, last)
        local inside = require "tidemill"
        assert(inside.default_reactor() == reactor)
        assert(number == 2.5 and flag == true and nothing == nil and last == "last\0")
        shared = (shared or 0) + 1
        reactor:next_tick(function()
            local file = assert(io.open(path .. index, "w"))
            file:write(index, " ", shared)
            file:close()
        end)
    end, {arguments = {base, 2.5, true, nil, "last\0", n = 5}})
    test.equal(workers:count(), 3)
    workers:run()
    for index = 0, 2 do
        test.equal(read(base .. index), index .. " 1")
    end
    os.remove(base)
    test.equal(rawget(_G, "shared"), nil)
    test.has(test.raised(workers.run, workers), "started before")
end)

test("a_file_is_a_setup_too", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write("local reactor, index, out = ...\nlocal f = io.open(out, 'w')\nf:write(tostring(reactor:poller()), index)\nf:close()\n")
    file:close()
    local out = os.tmpname()
    tidemill.Workers:new(1, path, {arguments = {out}}):run()
    test.equal(read(out), tidemill.Reactor:new():poller() .. "0")
    os.remove(path)
    test.has(test.raised(function() tidemill.Workers:new(1, "/nonexistent.lua"):run() end), "/nonexistent.lua")
end)

test("an_error_of_one_stops_all_and_comes_back_as_text", function()
    local workers = tidemill.Workers:new(3, function(reactor, index)
        reactor:call_later(1000, function() end)
        if index == 1 then
            reactor:call_later(0.001, function() error("thrown inside") end)
        end
    end)
    local problem = test.raised(workers.run, workers)
    test.equal(type(problem), "string")
    test.has(problem, "worker 1: ")
    test.has(problem, "thrown inside")
    test.has(problem, "stack traceback")
    workers = tidemill.Workers:new(2, function(reactor)
        reactor:listen("nonsense", function() end)
    end)
    test.has(test.raised(workers.run, workers), "nonsense")
end)

test("a_signal_drains_and_run_returns", function()
    local output = test.run_in_child([[
        local tidemill = require "tidemill"
        local path = os.tmpname()
        tidemill.Workers:new(2, function(reactor, index, path)
            local tidemill = require "tidemill"
            local Last = tidemill.Connection:extend()
            function Last:on_shutdown()
                io.stdout:write("told\n")
                self:close()
            end
            function Last:on_open()
                if index ~= 0 then return end
                local file = io.open("/proc/self/stat")
                local pid = file:read("*n")
                file:close()
                os.execute("kill -TERM " .. string.format("%d", pid))
            end
            local listener = reactor:listen("tcp://127.0.0.1:0", Last)
            reactor:connect(listener:endpoint(), tidemill.Connection)
        end, {deadline = 20}):run()
        print("ended")
    ]])
    test.has(output, "told\n")
    test.has(output, "ended")
end)

test("what_cannot_go_into_another_state_is_refused", function()
    local outside = {}
    test.has(test.raised(function() tidemill.Workers:new(1, function() return outside end) end), "'outside'")
    test.has(test.raised(function() tidemill.Workers:new(1, function() end, {arguments = {{}}}) end), "not a table")
    test.has(test.raised(function() tidemill.Workers:new(1, nil) end), "bad argument #2")
    test.has(test.raised(function() tidemill.Workers:new("x", function() end) end), "bad argument #1")
    test.has(test.raised(function() tidemill.Workers:new(-1, function() end) end), "0 or more")
    assert(tidemill.Workers:new(0, function() end):count() >= 1)
    tidemill.Workers:new(1, function() end):stop()
    test.collect()
end)

test.finish()
