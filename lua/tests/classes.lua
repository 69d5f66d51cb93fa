-- Classes, instances, coroutines, numbers: what only Lua has.
package.path = arg[0]:match("^(.*/)") .. "?.lua;" .. package.path
local test = require "support"
local globals = {}
for name in pairs(_G) do globals[name] = true end
local tidemill = require "tidemill"

local equal, has, raised = test.equal, test.has, test.raised

test("the_module_makes_no_globals", function()
    for name in pairs(_G) do
        assert(globals[name], "there is a global " .. tostring(name))
    end
end)

test("the_version_is_there", function()
    assert(tidemill.VERSION:find("^%d+%.%d+"))
end)

test("a_class_is_extended_and_init_gets_the_arguments", function()
    local Base = tidemill.Connection:extend()
    function Base:init(first, second) self.sum = first + second end
    function Base:hello() return "base" end
    local Derived = Base:extend()
    function Derived:init(first) Base.init(self, first, 10) end
    equal(Base:new(1, 2).sum, 3)
    equal(Derived:new(1).sum, 11)
    equal(Derived:new(1):hello(), "base")
    function Base:hello() return "changed" end
    equal(Derived:new(1):hello(), "changed")
    equal(getmetatable(Derived:new(1)), Derived)
end)

test("metamethods_are_inherited", function()
    local Named = tidemill.Connection:extend()
    function Named:__tostring() return "my own" end
    equal(tostring(Named:extend():new()), "my own")
    has(tostring(tidemill.Connection:extend():new()), "tidemill.Connection: new")
end)

test("on_data_of_the_instance_may_change_at_any_time", function()
    local reactor, seen = tidemill.Reactor:new(), {}
    local Server = tidemill.Connection:extend()
    local server
    function Server:on_open() server = self end
    function Server:on_data(data)
        table.insert(seen, "class " .. data)
        self.on_data = function(_, more)
            table.insert(seen, "instance " .. more)
            self.on_data = nil
        end
    end
    reactor:listen("memory://x", Server)
    local client = reactor:connect("memory://x", tidemill.Connection)
    for _, data in ipairs {"1", "2", "3"} do
        client:write(data)
        test.settle(reactor)
    end
    function Server.on_data(_, data) table.insert(seen, "new class " .. data) end
    server.on_data = nil
    client:write("4")
    test.settle(reactor)
    equal(table.concat(seen, ", "), "class 1, instance 2, class 3, new class 4")
end)

test("callbacks_are_found_through_an_index_function", function()
    local reactor, seen = tidemill.Reactor:new(), nil
    local Dynamic = tidemill.Connection:extend()
    Dynamic.__index = function(_, name)
        if name == "on_data" then return function(_, data) seen = data end end
        return Dynamic[name]
    end
    reactor:listen("memory://x", Dynamic)
    reactor:connect("memory://x", tidemill.Connection):write("found")
    test.settle(reactor)
    equal(seen, "found")
end)

test("octets_of_every_value_come_through", function()
    local reactor, seen = tidemill.Reactor:new(), {}
    local octets = {}
    for i = 0, 255 do table.insert(octets, string.char(i)) end
    local text = table.concat(octets):rep(10000)
    local Server = tidemill.Connection:extend()
    function Server:on_data(data) table.insert(seen, data) end
    local listener = reactor:listen("tcp://127.0.0.1:0", Server)
    local client = reactor:connect(listener:endpoint(), tidemill.Connection)
    equal(client:write(text), false)
    client:close()
    function Server.on_close() listener:close() end
    reactor:run()
    assert(table.concat(seen) == text, "other octets came than were sent")
end)

test("numbers_are_integers_where_lua_has_them", function()
    local reactor = tidemill.Reactor:new()
    reactor:listen("memory://x", tidemill.Connection)
    local client = reactor:connect("memory://x", tidemill.Connection)
    test.settle(reactor)
    client:write("four")
    equal(client:pending(), 4)
    assert(client:id() > 0 and client:id() < 2 ^ 53)
    if math.type then
        for _, number in ipairs {client:id(), client:pending(), reactor:fd()} do
            equal(math.type(number), "integer")
        end
        equal(math.type(raised(reactor.listen, reactor, "nonsense", print).errno), "integer")
    end
    assert(tostring(client:pending()) == "4")
end)

test("properties_are_methods", function()
    local reactor = tidemill.Reactor:new {poller = "poll", clock = "manual"}
    equal(reactor:poller(), "poll")
    equal(reactor:is_running(), false)
    local listener = reactor:listen("tcp://127.0.0.1:0", tidemill.Connection, {backlog = 10})
    has(listener:endpoint(), "tcp://127.0.0.1:")
    equal(listener:is_open(), true)
    local client = reactor:connect(listener:endpoint(), tidemill.Connection:new(), {connect_timeout = 5})
    equal(client:state(), "connecting")
    equal(client:reactor(), reactor)
    for _ = 1, 10 do reactor:run_once(0.05) end
    equal(client:state(), "open")
    equal(client:peer(), listener:endpoint())
    has(client:local_(), "tcp://127.0.0.1:")
    local timer = reactor:call_later(1, print)
    equal(timer:is_active(), true)
    equal(timer:cancel(), true)
    equal(timer:cancel(), false)
    equal(timer:is_active(), false)
    local before = reactor:now()
    reactor:advance(1.5)
    equal(reactor:now() - before, 1.5)
    equal(raised(reactor.fd, reactor).code, "state")
    listener:close()
    equal(listener:is_open(), false)
    has(tostring(listener), "closed")
end)

test("run_calls_setup_and_the_default_reactor_serves_the_module_functions", function()
    local seen = {}
    local Echo = tidemill.Connection:extend()
    function Echo:on_data(data) self:write(data) end
    local Client = tidemill.Connection:extend()
    function Client:on_data(data)
        table.insert(seen, data)
        self:close()
        tidemill.call_later(0, function() tidemill.stop() end)
    end
    tidemill.run(function()
        table.insert(seen, "setup")
        local listener = tidemill.listen("memory://echo", Echo)
        tidemill.connect(listener:endpoint(), Client):write("data")
        tidemill.next_tick(function() table.insert(seen, "tick") end)
        tidemill.call_every(1000, print)
    end)
    equal(table.concat(seen, " "), "setup tick data")
    equal(tidemill.default_reactor(), tidemill.default_reactor())
    equal(getmetatable(tidemill.default_reactor()), tidemill.Reactor)
end)

test("stop_drops_ticks_posts_and_timers_and_the_next_run_starts_clean", function()
    local reactor, seen = tidemill.Reactor:new {clock = "manual"}, {}
    local function note(text) return function() table.insert(seen, text) end end
    reactor:call_every(1, note "timer")
    reactor:next_tick(function() reactor:stop() end)
    reactor:next_tick(note "dropped tick")
    reactor:post(note "dropped post")
    reactor:run()
    reactor:post(note "post")
    reactor:next_tick(note "tick")
    reactor:run()
    equal(table.concat(seen, ", "), "post, tick")
end)

test("a_host_polls_with_a_budget", function()
    local reactor, count = tidemill.Reactor:new(), 0
    local function again()
        count = count + 1
        reactor:next_tick(again)
    end
    reactor:next_tick(again)
    equal(reactor:poll(0, 0.01), true)
    assert(count > 1)
    reactor:stop()
    reactor:run()
    equal(reactor:poll(), false)
end)

-- ---- coroutines ----

test("run_works_in_a_coroutine", function()
    local reactor, seen = tidemill.Reactor:new(), {}
    local Echo = tidemill.Connection:extend()
    function Echo:on_data(data) self:write(data) end
    local Client = tidemill.Connection:extend()
    function Client:on_data(data)
        table.insert(seen, data)
        reactor:stop()
    end
    local listener = reactor:listen("tcp://127.0.0.1:0", Echo)
    reactor:connect(listener:endpoint(), Client):write("x")
    coroutine.wrap(function() reactor:run() end)()
    equal(seen[1], "x")
end)

test("what_a_dead_coroutine_registered_lives_on", function()
    local reactor, seen = tidemill.Reactor:new(), {}
    coroutine.wrap(function()
        local Server = tidemill.Connection:extend()
        function Server:on_data(data) table.insert(seen, data) end
        reactor:listen("memory://x", Server)
        reactor:connect("memory://x", tidemill.Connection):write("from a coroutine")
        reactor:next_tick(function() table.insert(seen, "tick") end)
        reactor:run_once(0)
    end)()
    test.collect()
    test.settle(reactor)
    equal(table.concat(seen, ", "), "tick, from a coroutine")
end)

test("a_callback_may_use_connections_in_coroutines_of_its_own", function()
    local reactor, seen = tidemill.Reactor:new(), {}
    local Server = tidemill.Connection:extend()
    function Server:on_data()
        self.thread = coroutine.create(function()
            self:write("one")
            coroutine.yield()
            self:write("two")
            self:close()
        end)
        assert(coroutine.resume(self.thread))
        reactor:next_tick(function() assert(coroutine.resume(self.thread)) end)
    end
    local Client = tidemill.Connection:extend()
    function Client:on_data(data) table.insert(seen, data) end
    reactor:listen("memory://x", Server)
    reactor:connect("memory://x", Client):write("go")
    test.settle(reactor)
    equal(table.concat(seen), "onetwo")
end)

test("reactors_nest", function()
    local outer, inner, seen = tidemill.Reactor:new(), tidemill.Reactor:new(), {}
    local client
    local Server = tidemill.Connection:extend()
    function Server:on_data(data)
        table.insert(seen, data)
        inner:next_tick(function()
            table.insert(seen, "inner")
            client:close()   -- of the outer one, which is below on the stack
            test.collect()
        end)
        inner:next_tick(function() error("inner error", 0) end)
        has(raised(coroutine.wrap(function() inner:run() end)), "inner error")
    end
    outer:listen("memory://x", Server)
    client = outer:connect("memory://x", tidemill.Connection)
    client:write("outer")
    test.settle(outer)
    equal(table.concat(seen, ", "), "outer, inner")
    equal(client:state(), "closed")
end)

test.finish()
