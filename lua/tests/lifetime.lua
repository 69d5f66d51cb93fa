-- Who lives how long: connections, functions, reactors, the state itself.
package.path = arg[0]:match("^(.*/)") .. "?.lua;" .. package.path
local test = require "support"
local tidemill = require "tidemill"

local equal, has = test.equal, test.has

local function count(weak)
    local number = 0
    for _ in pairs(weak) do number = number + 1 end
    return number
end

test("a_connection_lives_exactly_while_it_is_open", function()
    local reactor, alive, is_closed = tidemill.Reactor:new(), setmetatable({}, {__mode = "v"}), 0
    local Tracked = tidemill.Connection:extend()
    function Tracked:init() table.insert(alive, self) end
    function Tracked:on_open() self.number = 1 end
    function Tracked:on_data() self:close() end
    function Tracked:on_close()
        is_closed = is_closed + self.number   -- what the program put there is still there
    end
    reactor:listen("memory://x", Tracked)
    for _ = 1, 100 do reactor:connect("memory://x", Tracked) end
    test.settle(reactor)
    test.collect()
    equal(count(alive), 200)
    for _, connection in pairs(alive) do connection:write("x") end
    test.settle(reactor)
    test.collect()
    equal(is_closed, 200)
    equal(count(alive), 0)
end)

test("functions_are_let_go", function()
    local reactor, alive = tidemill.Reactor:new {clock = "manual"}, setmetatable({}, {__mode = "k"})
    local function tracked()
        local upvalue = {}
        local function call() return upvalue end
        alive[upvalue] = true
        return call
    end
    local timer = reactor:call_every(1, tracked())
    reactor:call_later(1, tracked())
    reactor:next_tick(tracked())
    local listener = reactor:listen("memory://x", tracked())
    reactor:set_error_handler(tracked())
    test.collect()
    equal(count(alive), 5)
    reactor:advance(1)
    test.settle(reactor)
    test.collect()
    equal(count(alive), 3)
    timer:cancel()
    listener:close()
    reactor:set_error_handler(nil)
    test.collect()
    equal(count(alive), 0)
    reactor:call_every(1, tracked())
    reactor:listen("memory://x", tracked())
    reactor:next_tick(tracked())
    reactor:stop()
    reactor:run()
    test.collect()
    equal(count(alive), 0)
end)

test("a_hundred_thousand_connections_leave_nothing_behind", function()
    local reactor = tidemill.Reactor:new()
    local Server = tidemill.Connection:extend()
    local served = 0
    function Server:on_data(data)
        served = served + #data
        self:write(data)
    end
    local Client = tidemill.Connection:extend()
    function Client:on_open() self:write("x") end
    function Client:on_data() self:close() end
    reactor:listen("memory://x", Server)
    local function crowd(number)
        for _ = 1, number / 100 do
            for _ = 1, 100 do reactor:connect("memory://x", Client) end
            test.settle(reactor)
        end
        test.collect()
        return collectgarbage("count")
    end
    local before = crowd(2000)
    local after = crowd(100000)
    equal(served, 102000)
    assert(after < before + 100, ("Lua's memory grew from %.0f to %.0f KiB"):format(before, after))
    equal(next(reactor._functions), nil)
end)

test("a_crowd_of_timers_leaves_nothing_behind", function()
    local reactor = tidemill.Reactor:new {clock = "manual"}
    local beats, fired = 0, 0
    local function crowd(is_cancelled)
        local timers = {}
        for i = 1, 20000 do timers[i] = reactor:call_later(i / 1e6, function() fired = fired + 1 end) end
        if is_cancelled then
            for i = 1, #timers do assert(timers[i]:cancel() and not timers[i]:cancel()) end
        else
            reactor:advance(1)
            while reactor:run_once(0) do end
        end
        timers = nil
        test.collect()
        return collectgarbage("count")
    end
    local before = crowd(true)
    crowd(false)
    -- With one that stays the table stays as well, and so do the places.
    local beat = reactor:call_every(1, function() beats = beats + 1 end)
    crowd(true)
    crowd(false)
    assert(beat:cancel() and not beat:is_active())
    local after = crowd(false)
    equal(fired, 60000)
    equal(beats, 1)
    assert(after < before + 100, ("Lua's memory grew from %.0f to %.0f KiB"):format(before, after))
end)

test("what_is_no_timer_is_refused", function()
    local timer = tidemill.Reactor:new():call_later(1, print)
    for _, wrong in ipairs {{}, io.stdout, 1, "timer"} do
        test.has(select(2, pcall(timer.cancel, wrong)), "tidemill.Timer expected")
        test.has(select(2, pcall(timer.is_active, wrong)), "tidemill.Timer expected")
    end
end)

test("a_reactor_that_nobody_holds_goes_with_its_open_connections", function()
    local alive = setmetatable({}, {__mode = "v"})
    local is_told = false
    local client
    do
        local reactor = tidemill.Reactor:new()
        local Tracked = tidemill.Connection:extend()
        function Tracked:init() table.insert(alive, self) end
        function Tracked:on_close() is_told = true end
        local listener = reactor:listen("tcp://127.0.0.1:0", Tracked)
        client = reactor:connect(listener:endpoint(), Tracked)
        reactor:connect(listener:endpoint(), Tracked)
        reactor:call_every(1, function() return reactor end)
        for _ = 1, 10 do reactor:run_once(0.05) end
        alive.reactor, alive.listener = reactor, listener
        client._reactor = nil   -- what a program never does; without it the connection keeps its reactor
    end
    equal(client:state(), "open")
    test.collect()
    test.collect()
    equal(alive.reactor, nil)
    equal(alive.listener, nil)
    equal(count(alive), 1)   -- the client that is held here
    equal(client:state(), "closed")
    equal(test.raised(client.write, client, "x").code, "closed")
    client:close()
    equal(is_told, false)
end)

test("a_connection_keeps_its_reactor", function()
    local client
    do
        local reactor = tidemill.Reactor:new()
        reactor:listen("memory://x", tidemill.Connection)
        client = reactor:connect("memory://x", tidemill.Connection)
    end
    test.collect()
    test.settle(client:reactor())
    equal(client:state(), "open")
end)

test("taking_the_endpoint_out_of_an_instance_ends_nothing_but_its_methods", function()
    local reactor, seen = tidemill.Reactor:new(), {}
    local Server = tidemill.Connection:extend()
    function Server:on_data(data)
        self[1] = nil
        test.collect()
        table.insert(seen, data)
        error("after that", 0)
    end
    Server.on_close = function(_, reason) table.insert(seen, reason.code) end
    reactor:listen("memory://x", Server)
    reactor:connect("memory://x", tidemill.Connection):write("x")
    has(test.raised(test.settle, reactor), "after that")
    test.settle(reactor)
    equal(table.concat(seen, ", "), "x, cancelled")
end)

test("garbage_collection_in_every_callback_is_survived", function()
    local reactor, seen = tidemill.Reactor:new(), 0
    local Busy = tidemill.Connection:extend()
    for _, name in ipairs {"on_open", "on_end", "on_close"} do
        Busy[name] = function(self, ...)
            collectgarbage()
            tidemill.Connection[name](self, ...)
            collectgarbage()
        end
    end
    function Busy:on_data()
        seen = seen + 1
        collectgarbage()
        self:close()
        collectgarbage()
    end
    reactor:listen("memory://x", Busy)
    for _ = 1, 50 do reactor:connect("memory://x", Busy):write("x") end
    test.settle(reactor)
    equal(seen, 50)
end)

-- ---- the end of the state ----

local program = [[
    local tidemill = require "tidemill"
    local reactor = tidemill.Reactor:new()
    local Echo = tidemill.Connection:extend()
    function Echo:on_data(data) self:write(data) end
    local listener = reactor:listen("tcp://127.0.0.1:0", Echo)
    local client
    for _ = 1, 5 do
        client = reactor:connect(listener:endpoint(), tidemill.Connection)
        client:write("x")
    end
    tidemill.connect(listener:endpoint(), tidemill.Connection)
    for _ = 1, 10 do reactor:run_once(0.01) tidemill.default_reactor():run_once(0.01) end
    print "open"
]]

test("the_state_closes_with_open_connections", function()
    equal(test.run_in_child(program), "open\nstatus 0\n")
    equal(test.run_in_child(program .. "kept = reactor"), "open\nstatus 0\n")
end)

test("the_state_closes_while_the_loop_runs", function()
    if _VERSION == "Lua 5.1" and not jit then return end  -- os.exit(code, true) came later
    equal(test.run_in_child(program .. [[
        reactor:next_tick(function() os.exit(7, true) end)
        reactor:run()
    ]]), "open\nstatus 7\n")
    has(test.run_in_child(program .. [[
        function Echo:on_data() os.exit(8, true) end
        client:write("y")
        coroutine.wrap(function() reactor:run() end)()
    ]]), "status 8\n")
end)

test("an_error_that_nobody_takes_ends_the_program_orderly", function()
    has(test.run_in_child(program .. "reactor:next_tick(function() error('boom') end) reactor:run()"), "status 1\n")
end)

test("a_finaliser_that_runs_last_finds_a_closed_reactor", function()
    local output = test.run_in_child([[
        -- Made first, so finalised last.
        local last = newproxy and newproxy(true) or setmetatable({}, {})
        getmetatable(last).__gc = function() finally() end
        if not newproxy then setmetatable(last, getmetatable(last)) end
    ]] .. program .. [[
        local connection = reactor:connect(listener:endpoint(), Echo)
        local timer = reactor:call_later(1, print)
        function finally()
            for _, call in ipairs {
                function() reactor:stop() end, function() reactor:run() end, function() reactor:next_tick(print) end,
                function() timer:cancel() end, function() listener:close() end, function() connection:write("x") end,
            } do
                local is_fine, problem = pcall(call)
                print(is_fine, tidemill.Error.is(problem) and problem.code or problem)
            end
        end
    ]])
    local _, closed = output:gsub("false\tclosed\n", "")
    has(output, "status 0\n")
    equal(closed, 5)   -- and the connection's own words, below
    assert(output:find("false\tclosed\nstatus 0\n") or output:find("tidemill.Connection expected[^\n]*\nstatus 0\n"), output)
end)

test("ctrl_c_wakes_a_sleeping_loop_and_leaves_run", function()
    local body = [[
        reactor:set_error_handler(function() print "never: this is not the program's business" end)
        reactor:call_later(0.001, function() io.popen("kill -INT $PPID"):close() end)
        -- The program's own Lua may be what sees it, or the loop asleep; both have to leave run().
        local is_fine, problem = pcall(reactor.run, reactor)
        print(is_fine, (tostring(problem):match("interrupted!")), listener:is_open())
    ]]
    equal(test.run_in_child(program .. body), "open\nfalse\tinterrupted!\ttrue\nstatus 0\n")
    local asleep = body:gsub("io.popen%(.-:close%(%)", [[os.execute("(sleep 0.2; kill -INT $PPID) &")]])
    equal(test.run_in_child(program .. asleep), "open\nfalse\tinterrupted!\ttrue\nstatus 0\n")
end)

test("ctrl_c_reaches_a_loop_in_a_coroutine", function()
    has(test.run_in_child(program .. [[
        reactor:call_later(0.001, function() os.execute("(sleep 0.2; kill -INT $PPID) &") end)
        local _, problem = coroutine.resume(coroutine.create(function() reactor:run() end))
        print(problem)
    ]]), "interrupted!")
end)

-- Lua itself cannot fork; with luaposix it can.
local can_fork, unistd = pcall(require, "posix.unistd")
local function a_forked_child_is_left_alone()
    local reactor = tidemill.default_reactor()
    if unistd.fork() == 0 then
        local is_fine = tidemill.default_reactor() ~= reactor and not pcall(reactor.run, reactor)
        unistd._exit(is_fine and 0 or 1)
    end
    local _, _, status = require("posix.sys.wait").wait()
    equal(status, 0)
end
if can_fork then
    test("a_forked_child_is_left_alone", a_forked_child_is_left_alone)
else
    test.skip("a_forked_child_is_left_alone", "luaposix is not there for " .. _VERSION .. " (apt-get install lua-posix, for 5.1 and LuaJIT)")
end

test.finish()
