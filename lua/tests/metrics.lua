-- Metrics and the watch over slow callbacks: what a report says, in Lua's words.
package.path = arg[0]:match("^(.*/)") .. "?.lua;" .. package.path
local test = require "support"
local tidemill = require "tidemill"

local equal, has, raised = test.equal, test.has, test.raised

local clock = tidemill.Reactor:new()   -- Lua's own counts processor time
local function be_busy() local finish = clock:now() + 0.004 while clock:now() < finish do end end

local function new_reactor()
    local reactor, told = tidemill.Reactor:new {clock = "manual"}, {}
    reactor:set_slow_callback(0.003, function(report) table.insert(told, report) end)
    return reactor, told
end

local function run_until_told(reactor, told, count)
    for _ = 1, 1000 do
        if #told < count then reactor:run_once() end
    end
    equal(#told, count)
end

local function check(report, name, call)
    local place = debug.getinfo(call, "S")
    equal(report.language .. " " .. report.name, "Lua " .. name)
    equal(report.file .. ":" .. report.line, place.short_src .. ":" .. place.linedefined)
    assert(report.seconds >= 0.003)
end

test("slow_callbacks_of_connections_are_told", function()
    local reactor, told = new_reactor()
    local Slow = tidemill.Connection:extend()
    Slow.__name = "Slow"
    function Slow:on_data() be_busy() end
    local listener = reactor:listen("memory://slow", Slow)
    reactor:connect(listener:endpoint(), tidemill.Connection):write("x")
    run_until_told(reactor, told, 1)
    check(told[1], "Slow.on_data", Slow.on_data)
end)

test("slow_ticks_timers_and_factories_are_told", function()
    local reactor, told = new_reactor()
    reactor:next_tick(be_busy)
    run_until_told(reactor, told, 1)
    check(told[1], "tick", be_busy)
    reactor:call_later(0, be_busy)
    run_until_told(reactor, told, 2)
    check(told[2], "timer", be_busy)
    local function factory()
        be_busy()
        return tidemill.Connection:new()
    end
    reactor:connect(reactor:listen("memory://slow", factory):endpoint(), tidemill.Connection)
    run_until_told(reactor, told, 3)
    check(told[3], "factory", factory)
    equal(reactor:metrics().slow_callbacks, 3)
end)

test("zero_turns_the_watch_off", function()
    local reactor, told = new_reactor()
    reactor:set_slow_callback(0)
    reactor:next_tick(be_busy)
    reactor:run_once()
    equal(#told, 0)
end)

test("what_the_function_raises_leaves_run", function()
    local reactor = tidemill.Reactor:new()
    reactor:set_slow_callback(0.003, function() error("told") end)
    reactor:next_tick(be_busy)
    has(raised(reactor.run, reactor), "told")
end)

test("bad_arguments_are_refused", function()
    local reactor = tidemill.Reactor:new()
    equal(raised(reactor.set_slow_callback, reactor, -1).code, "argument")
    has(raised(reactor.set_slow_callback, reactor, 1, 2), "bad argument")
end)

test("histograms_have_count_sum_and_buckets", function()
    local reactor = tidemill.Reactor:new()
    reactor:next_tick(function() end)
    reactor:run()
    local took = reactor:metrics().callback_seconds
    equal(took.count, 1)
    equal(took.buckets[#took.buckets][1], math.huge)
    equal(took.buckets[#took.buckets][2], 1)
    has(reactor:prometheus(), "tidemill_callback_seconds_count 1\n")
end)

test.finish()
