-- Datagram sockets, as far as only Lua has it: classes, types, the garbage collector.
package.path = arg[0]:match("^(.*/)") .. "?.lua;" .. package.path
local test = require "support"
local tidemill = require "tidemill"

local equal, has = test.equal, test.has

local Sink = tidemill.Datagram:extend()
function Sink:init(name) self.name, self.seen = name, {} end
function Sink:on_data(data, peer) table.insert(self.seen, data .. " from " .. peer) end

local function turn_until_seen(reactor, sink, count)
    for _ = 1, 1000 do
        if #sink.seen >= count then return end
        reactor:run_once(0.02)
    end
    error("nothing came")
end

test("classes_functions_and_objects_are_opened", function()
    local reactor = tidemill.Reactor:new()
    local by_class = reactor:open_datagram("udp://127.0.0.1:0", Sink)
    local by_function = reactor:open_datagram("udp://127.0.0.1:0", function() return Sink:new("two") end, {connect_to = by_class:local_()})
    local object = Sink:new("three")
    equal(object:state(), "new")
    equal(reactor:open_datagram("udp://127.0.0.1:0", object), object)
    equal(by_function.name, "two")
    equal(by_function:peer(), by_class:local_())
    equal(by_function:reactor(), reactor)
    by_function:write("a\0b")
    turn_until_seen(reactor, by_class, 1)
    equal(by_class.seen[1], "a\0b from " .. by_function:local_())
end)

test("mistakes_are_named", function()
    local reactor = tidemill.Reactor:new()
    local sink = reactor:open_datagram("udp://127.0.0.1:0", Sink)
    has(test.raised(reactor.open_datagram, reactor, 5, Sink), "bad argument #1 to 'open_datagram'")
    has(test.raised(reactor.open_datagram, reactor, "udp://127.0.0.1:0", 5), "bad argument #2 to 'open_datagram'")
    has(test.raised(reactor.open_datagram, reactor, "udp://127.0.0.1:0", Sink, {nonsense = 1}), "there is no option 'nonsense'")
    has(test.raised(reactor.open_datagram, reactor, "udp://127.0.0.1:0", tidemill.Connection), "a tidemill.Datagram is needed")
    has(test.raised(reactor.open_datagram, reactor, "udp://127.0.0.1:0", sink), "in use already")
    has(test.raised(sink.write, sink, nil, sink:local_()), "string expected")
    has(test.raised(Sink.write, Sink:new(), "x", sink:local_()), "has not been opened")
    equal(test.raised(sink.write, sink, "x", "udp://localhost:9").code, "argument")
end)

test("an_object_lives_while_it_is_open", function()
    local reactor, alive = tidemill.Reactor:new(), setmetatable({}, {__mode = "v"})
    alive[1] = reactor:open_datagram("udp://127.0.0.1:0", Sink)
    test.collect()
    alive[1]:close()
    test.settle(reactor)
    test.collect()
    equal(alive[1], nil)
end)

test.finish()
