-- What goes wrong: in callbacks, in arguments, in the wrong moment.
package.path = arg[0]:match("^(.*/)") .. "?.lua;" .. package.path
local test = require "support"
local tidemill = require "tidemill"

local equal, has, raised = test.equal, test.has, test.raised
local unpack = table.unpack or unpack

-- A listener of class and a client of client_class, on a reactor of their own, after their on_open.
local function pair(class, client_class)
    local reactor = tidemill.Reactor:new()
    local server
    reactor:listen("memory://pair", function()
        server = (class or tidemill.Connection):new()
        return server
    end)
    local client = reactor:connect("memory://pair", client_class or tidemill.Connection)
    test.settle(reactor)
    return reactor, client, server
end

local function class_with(callbacks)
    local class = tidemill.Connection:extend()
    for name, callback in pairs(callbacks) do
        class[name] = callback
    end
    return class
end

-- ---- raising callbacks ----

test("an_error_in_a_callback_leaves_run_with_its_traceback", function()
    local reactor = tidemill.Reactor:new()
    local function culprit()
        error("boom")
    end
    reactor:next_tick(function() culprit() end)
    local problem = raised(reactor.run, reactor)
    has(problem, "errors.lua:")
    has(problem, "boom")
    has(problem, "stack traceback:")
    has(problem, "culprit")
end)

test("an_error_in_on_data_aborts_the_connection_and_leaves_run", function()
    local reason
    local reactor, client, server = pair(class_with {
        on_data = function() error("bad data", 0) end,
        on_close = function(_, why) reason = why end,
    })
    client:write("x")
    has(raised(reactor.run, reactor), "bad data")
    test.settle(reactor)
    equal(reason.code, "cancelled")
    equal(server:state(), "closed")
end)

test("error_objects_go_through_untouched", function()
    local reactor = tidemill.Reactor:new()
    for _, thing in ipairs {{1, 2}, setmetatable({}, {__tostring = function() return "x" end}), 42, true, print} do
        reactor:next_tick(function() error(thing, 0) end)
        equal(raised(reactor.run, reactor), thing)
    end
    reactor:next_tick(function() error(nil) end)
    local is_fine, problem = pcall(reactor.run, reactor)
    equal(is_fine, false)
    assert(problem == nil or type(problem) == "string")  -- 5.4.4 makes nothing of it, later ones a text
end)

test("a_library_error_in_a_callback_stays_an_object", function()
    local reactor = tidemill.Reactor:new()
    reactor:next_tick(function() reactor:listen("nonsense", tidemill.Connection) end)
    equal(getmetatable(raised(reactor.run, reactor)), tidemill.ArgumentError)
end)

test("the_loop_goes_on_after_an_error", function()
    local reactor, seen = tidemill.Reactor:new(), {}
    reactor:next_tick(function() error("first", 0) end)
    reactor:next_tick(function() table.insert(seen, "second") end)
    has(raised(reactor.run, reactor), "first")
    equal(reactor:is_running(), false)
    reactor:run()
    equal(seen[1], "second")
end)

test("on_error_takes_the_error_and_the_connection_goes_on", function()
    local seen = {}
    local reactor, client, server = pair(class_with {
        on_data = function() error {"mine"} end,
        on_error = function(self, problem) table.insert(seen, {self, problem[1]}) end,
    })
    client:write("x")
    test.settle(reactor)
    equal(seen[1][1], server)
    equal(seen[1][2], "mine")
    equal(server:state(), "open")
end)

test("the_error_handler_gets_error_and_connection", function()
    local seen = {}
    local reactor, client, server = pair(class_with {on_data = function() error("of data", 0) end})
    reactor:set_error_handler(function(problem, connection) table.insert(seen, {problem, connection}) end)
    client:write("x")
    test.settle(reactor)
    reactor:next_tick(function() error("of a tick", 0) end)
    reactor:run_once(0)
    has(seen[1][1], "of data")
    equal(seen[1][2], server)
    has(seen[2][1], "of a tick")
    equal(seen[2][2], nil)
    equal(server:state(), "open")
    reactor:set_error_handler(nil)
    reactor:next_tick(function() error("again", 0) end)
    has(raised(reactor.run_once, reactor), "again")
end)

test("an_on_error_that_raises_passes_its_own_error_on", function()
    local seen
    local reactor, client = pair(class_with {
        on_data = function() error("first", 0) end,
        on_error = function() error("second", 0) end,
    })
    reactor:set_error_handler(function(problem)
        seen = problem
        error("third", 0)
    end)
    client:write("x")
    has(raised(test.settle, reactor), "third")
    has(seen, "second")
end)

test("a_second_error_while_stopping_is_reported", function()
    local output = test.run_in_child([[
        local tidemill = require "tidemill"
        local reactor = tidemill.Reactor:new()
        local Loud = tidemill.Connection:extend()
        function Loud:on_close() error("loud " .. self:id(), 0) end
        reactor:listen("memory://x", Loud)
        reactor:connect("memory://x", Loud)
        reactor:next_tick(function() reactor:next_tick(function() reactor:stop() end) end)
        local is_fine, problem = pcall(reactor.run, reactor)
        print("run raised", (problem:match("^[^\n]*")))
        reactor:run()
        print "and runs again"
    ]], "run raised\tloud")
    has(output, "tidemill: raised as well: loud")
    has(output, "and runs again\nstatus 0")
end)

test("running_from_a_callback_that_raised_before_is_refused_with_its_own_error", function()
    local reactor, seen = tidemill.Reactor:new(), nil
    local Loud = class_with {on_close = function() error("loud", 0) end}
    local Runner = class_with {on_close = function(self) seen = raised(reactor.run, reactor) end}
    reactor:listen("memory://x", tidemill.Connection)
    reactor:connect("memory://x", Loud)
    reactor:connect("memory://x", Runner)
    test.settle(reactor)
    reactor:stop()
    has(raised(reactor.run, reactor), "loud")
    equal(seen.code, "state")
end)

test("a_hundred_thousand_errors_leave_nothing_behind", function()
    local reactor = tidemill.Reactor:new()
    local function one()
        reactor:next_tick(function() error("x") end)
        assert(not pcall(reactor.run, reactor))
    end
    for _ = 1, 1000 do one() end
    test.collect()
    local before = collectgarbage("count")
    for _ = 1, 100000 do one() end
    test.collect()
    assert(collectgarbage("count") < before + 64, "Lua's memory grew")
end)

test("a_yield_in_a_callback_is_a_clean_error", function()
    local reactor = tidemill.Reactor:new()
    reactor:next_tick(function() coroutine.yield() end)
    has(raised(coroutine.wrap(function() reactor:run() end)), "yield")
    reactor:run()
end)

test("a_stack_overflow_in_a_callback_leaves_run", function()
    local reactor = tidemill.Reactor:new()
    local function deep() return 1 + deep() end
    reactor:next_tick(deep)
    has(raised(reactor.run, reactor), "stack overflow")
    reactor:run()
end)

test("a_callback_that_is_no_function_is_an_error", function()
    local reactor, client = pair(class_with {on_data = 42})
    client:write("x")
    has(raised(test.settle, reactor), "attempt to call")
end)

test("an_error_in_init_or_in_a_factory_leaves_the_loop", function()
    local reactor = tidemill.Reactor:new()
    reactor:listen("memory://a", class_with {init = function() error("in init", 0) end})
    reactor:listen("memory://b", function() return {} end)
    reactor:listen("memory://c", function() end)
    reactor:connect("memory://a", tidemill.Connection)
    has(raised(test.settle, reactor), "in init")
    reactor:connect("memory://b", tidemill.Connection)
    has(raised(test.settle, reactor), "a tidemill.Connection is needed, not table")
    reactor:connect("memory://c", tidemill.Connection)
    has(raised(test.settle, reactor), "a tidemill.Connection is needed, not nil")
    has(raised(reactor.connect, reactor, "memory://a", function() return 1 end), "a tidemill.Connection is needed, not number")
end)

-- ---- error objects ----

test("errors_carry_what_happened", function()
    local reactor = tidemill.Reactor:new()
    local first = reactor:listen("tcp://127.0.0.1:0", tidemill.Connection)
    local problem = raised(reactor.listen, reactor, first:endpoint(), tidemill.Connection)
    equal(getmetatable(problem), tidemill.OsError)
    equal(problem.code, "os")
    equal(problem.operation, "listen")
    equal(problem.endpoint, first:endpoint())
    equal(problem.errno_name, "EADDRINUSE")
    assert(problem.errno > 0)
    equal(tostring(problem), problem.message)
    has(problem.message, "EADDRINUSE")
    has(problem.message, first:endpoint())
    first:close()
end)

test("every_code_has_a_class_under_error", function()
    local names = {os = "OsError", resolve = "ResolveError", timeout = "TimeoutError", limit = "LimitError", argument = "ArgumentError",
                   state = "StateError", closed = "ClosedError", cancelled = "CancelledError"}
    for code, name in pairs(names) do
        equal(tidemill[name].code, code)
        equal(tidemill[name].is, tidemill.Error.is)
    end
    assert(tidemill.Error.is(raised(tidemill.listen, "nonsense", tidemill.Connection)))
    for _, other in ipairs {"text", {}, 1, tidemill.Error} do
        equal(tidemill.Error.is(other), false)
    end
end)

test("on_close_gets_nothing_or_an_error_object", function()
    local reasons = {}
    local Client = class_with {on_close = function(_, reason) table.insert(reasons, reason or "nothing") end}
    local reactor, client = pair(nil, Client)
    client:close()
    test.settle(reactor)
    reactor:connect("memory://nobody", Client)
    test.settle(reactor)
    equal(reasons[1], "nothing")
    equal(getmetatable(reasons[2]), tidemill.OsError)
    equal(reasons[2].errno_name, "ECONNREFUSED")
end)

-- ---- wrong arguments ----

test("wrong_types_read_as_in_luas_own_libraries", function()
    local reactor, client = pair()
    local none = function() end
    local cases = {
        {"bad argument #1 to 'listen' (string expected, got number)", reactor.listen, reactor, 42, tidemill.Connection},
        {"bad argument #1 to 'listen' (string expected, got nil)", reactor.listen, reactor},
        {"bad argument #2 to 'listen' (function or connection class expected, got number)", reactor.listen, reactor, "memory://x", 5},
        {"bad argument #2 to 'listen' (function or connection class expected, got table)", reactor.listen, reactor, "memory://x", {}},
        {"bad argument #3 to 'listen' (table expected, got number)", reactor.listen, reactor, "memory://x", none, 5},
        {"bad argument #3 to 'listen' (there is no option 'backlgo')", reactor.listen, reactor, "memory://x", none, {backlgo = 1}},
        {"bad argument #3 to 'listen' (option 'mode': number expected, got string)", reactor.listen, reactor, "memory://x", none, {mode = "rw"}},
        {"bad argument #1 to 'connect' (string expected, got table)", reactor.connect, reactor, {}, none},
        {"bad argument #2 to 'connect' (function or connection class expected, got nil)", reactor.connect, reactor, "memory://x"},
        {"bad argument #3 to 'connect' (there is no option 'backlog')", reactor.connect, reactor, "memory://x", none, {backlog = 1}},
        {"bad argument #1 to 'new' (there is no option 'pollr')", tidemill.Reactor.new, tidemill.Reactor, {pollr = "epoll"}},
        {"bad argument #1 to 'run' (function expected, got string)", reactor.run, reactor, "now"},
        {"bad argument #1 to 'run_once' (number expected, got string)", reactor.run_once, reactor, "1"},
        {"bad argument #2 to 'poll' (number expected, got boolean)", reactor.poll, reactor, 0, true},
        {"bad argument #1 to 'next_tick' (function expected, got nil)", reactor.next_tick, reactor},
        {"bad argument #1 to 'post' (function expected, got tidemill.Connection)", reactor.post, reactor, client},
        {"bad argument #1 to 'call_later' (number expected, got string)", reactor.call_later, reactor, "1", none},
        {"bad argument #2 to 'call_later' (function expected, got nil)", reactor.call_later, reactor, 1},
        {"bad argument #2 to 'call_every' (function expected, got table)", reactor.call_every, reactor, 1, {}},
        {"bad argument #1 to 'set_error_handler' (function expected, got number)", reactor.set_error_handler, reactor, 1},
        {"bad argument #1 to 'advance' (number expected, got nil)", reactor.advance, reactor},
    }
    for _, case in ipairs(cases) do
        equal(tostring(raised(unpack(case, 2, 7))), case[1])
    end
end)

test("methods_of_a_connection_check_what_they_get", function()
    local _, client = pair()
    -- Called by name: that is where Lua takes the name from.
    has(raised(function() client:write() end), "bad argument #1 to 'write' (string expected, got nil)")
    has(raised(function() client:write(42) end), "bad argument #1 to 'write' (string expected, got number)")
    has(raised(function() client:write({}) end), "errors.lua:")
    has(raised(function() client:set_idle_timeout("1") end), "bad argument #1 to 'set_idle_timeout' (number expected, got string)")
    has(raised(function() client:set_watermarks(1) end), "bad argument #2 to 'set_watermarks' (number expected, got nil)")
    has(raised(function() client:set_watermarks(1.5, 2) end), "bad argument #1 to 'set_watermarks' (number has no integer representation)")
    has(raised(function() client:set_watermarks(0 / 0, 2) end), "number has no integer representation")
    has(raised(function() client:set_watermarks(1, 1e300) end), "number has no integer representation")
    client:set_watermarks(1.0, 2.0)
    local unbound = client.close
    for _, value in ipairs {42, "x", {}, {{}}, {io.stdout}, tidemill.Connection, tidemill.Connection:extend(), print, true} do
        has(raised(function() unbound(value) end), "tidemill.Connection expected")
        has(raised(function() client.write(value, "x") end), "tidemill.Connection expected")
    end
    has(raised(function() unbound() end), "tidemill.Connection expected")
end)

test("integers_out_of_range_are_refused", function()
    local reactor = tidemill.Reactor:new()
    has(raised(reactor.listen, reactor, "memory://x", print, {backlog = 2 ^ 40}), "out of range")
    has(raised(reactor.listen, reactor, "memory://x", print, {backlog = 1.5}), "no integer representation")
    reactor:listen("memory://x", print, {backlog = 16.0}):close()
end)

test("values_that_cannot_work_are_argument_errors", function()
    local reactor, client = pair()
    for _, call in ipairs {
        function() reactor:call_later(-1, print) end,
        function() reactor:call_later(0 / 0, print) end,
        function() reactor:run_once(-1) end,
        function() reactor:listen("nonsense", print) end,
        function() reactor:connect("tcp://host", tidemill.Connection) end,
        function() reactor:connect("memory://x", tidemill.Connection, {connect_timeout = -1}) end,
        function() client:set_watermarks(2, 1) end,
        function() tidemill.Reactor:new {poller = "nonsense"} end,
        function() tidemill.Reactor:new {clock = "sundial"} end,
    } do
        equal(getmetatable(raised(call)), tidemill.ArgumentError)
    end
end)

-- ---- wrong moments ----

test("writing_to_a_closed_connection_is_a_closed_error", function()
    local reactor, client = pair()
    client:close()
    equal(raised(client.write, client, "x").code, "closed")
    test.settle(reactor)
    equal(raised(client.write, client, "x").code, "closed")
    equal(raised(client.end_write, client).code, "closed")
    client:close()
    client:abort()
end)

test("what_was_not_started_cannot_be_used", function()
    local fresh = tidemill.Connection:new()
    equal(fresh:state(), "new")
    equal(fresh:id(), 0)
    equal(fresh:peer(), "")
    equal(fresh:local_(), "")
    equal(fresh:pending(), 0)
    equal(fresh:reactor(), nil)
    for _, name in ipairs {"write", "close", "abort", "pause", "resume"} do
        equal(raised(fresh[name], fresh, "x").code, "state")
    end
end)

test("a_running_reactor_cannot_run_again", function()
    local reactor, seen = tidemill.Reactor:new(), {}
    reactor:next_tick(function()
        for _, name in ipairs {"run", "run_once", "poll"} do
            table.insert(seen, raised(reactor[name], reactor))
        end
    end)
    reactor:run()
    equal(#seen, 3)
    for _, problem in ipairs(seen) do
        equal(getmetatable(problem), tidemill.StateError)
    end
    equal(reactor:is_running(), false)
end)

test("a_connection_in_use_cannot_be_connected_again", function()
    local reactor, client = pair()
    equal(raised(reactor.connect, reactor, "memory://pair", client).code, "state")
    equal(client:state(), "open")
    reactor:listen("memory://again", function() return client end)
    reactor:connect("memory://again", tidemill.Connection)
    equal(raised(test.settle, reactor).code, "state")
    equal(client:state(), "open")
end)

test("a_closed_connection_can_be_connected_again", function()
    local reactor, client = pair()
    local first = client:id()
    client:close()
    test.settle(reactor)
    equal(reactor:connect("memory://pair", client), client)
    test.settle(reactor)
    equal(client:state(), "open")
    assert(client:id() ~= first)
end)

test("a_refused_connect_leaves_the_object_as_it_was", function()
    local reactor = tidemill.Reactor:new()
    local client = tidemill.Connection:new()
    for _ = 1, 3 do
        equal(raised(reactor.connect, reactor, "nonsense", client).code, "argument")
        equal(client:state(), "new")
    end
    -- The same inside a callback, and in a coroutine of one.
    reactor:next_tick(function()
        equal(raised(reactor.connect, reactor, "nonsense", client).code, "argument")
        coroutine.wrap(function() equal(raised(reactor.connect, reactor, "nonsense", client).code, "argument") end)()
    end)
    reactor:run()
    reactor:listen("memory://there", tidemill.Connection)
    reactor:connect("memory://there", client)
    test.settle(reactor)
    equal(client:state(), "open")
end)

test("the_class_is_no_reactor", function()
    equal(raised(tidemill.Reactor.stop, tidemill.Reactor).code, "closed")
    equal(raised(tidemill.Reactor.run, tidemill.Reactor).code, "closed")
end)

test("cookies_are_true_or_a_jar_of_the_same_reactor", function()
    local reactor = tidemill.Reactor:new()
    local jar = tidemill.CookieJar:new {reactor = reactor}
    for _, wrong in ipairs {1, "yes", {}} do
        has(raised(tidemill.HttpClient.new, tidemill.HttpClient, {reactor = reactor, cookies = wrong}), "CookieJar is needed")
    end
    has(raised(tidemill.HttpClient.new, tidemill.HttpClient, {reactor = reactor, nonsense = true}), "there is no option 'nonsense'")
    equal(raised(tidemill.HttpClient.new, tidemill.HttpClient, {reactor = tidemill.Reactor:new(), cookies = jar}).code, "argument")
    equal(raised(jar.set, jar, "nonsense", "a=1").code, "argument")
    equal(jar:set("http://a/", "a=1"), true)
    equal(jar:set("http://a/", "a"), false)
    equal(#jar:cookies(), 1)
    equal(jar:header("http://a/"), "a=1")
    equal(tidemill.HttpClient:new({reactor = reactor, cookies = jar}):cookies(), jar)
    equal(tidemill.HttpClient:new({reactor = reactor}):cookies(), nil)
    -- The client has its own hold on the cookies.
    local client = tidemill.HttpClient:new {reactor = reactor, cookies = true}
    client._jar = nil
    collectgarbage()
    client:get("http://127.0.0.1:1/")
end)

test.finish()
