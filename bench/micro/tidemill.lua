-- tidemill's timers and ticks in Lua: tidemill.lua --case timers|ticks [--count N]; measuring.h says what is measured.
--
-- No figure for posts of another thread: a Lua state has one thread, and post is next_tick there.
local tidemill = require "tidemill"

local calls = 0
local function call()
    calls = calls + 1
end

local function random_delay()
    return 0.1 + math.random() * 999.9
end

local function delays(count)
    local list = {}
    for i = 1, count do list[i] = random_delay() end
    return list
end

-- What work() takes, for each of count, in nanoseconds. os.clock() is the process's processor time in microseconds.
local function timed(count, work)
    local began = os.clock()
    work()
    return (os.clock() - began) * 1e9 / count
end

local function check_calls(made, expected)
    if made ~= expected then error(("%d calls instead of %d"):format(made, expected)) end
end

-- No os.sleep in Lua, and waiting here is not measured.
local function wait_until_due(reactor)
    local due = reactor:now() + 0.03
    while reactor:now() < due do end
end

local function insert_and_cancel(outstanding, pairs)
    local reactor = tidemill.Reactor:new()
    local timers = {}
    for i = 1, outstanding do timers[i] = reactor:call_later(random_delay(), call) end
    local more = delays(pairs)
    return timed(pairs, function()
        for i = 1, pairs do reactor:call_later(more[i], call):cancel() end
    end)
end

local function fire(count)
    local reactor = tidemill.Reactor:new()
    for _ = 1, count do reactor:call_later(math.random(10) / 1000, call) end
    wait_until_due(reactor)
    calls = 0
    local cost = timed(count, function() reactor:run() end)
    check_calls(calls, count)
    return cost
end

local function insert_then_cancel(count)
    local reactor = tidemill.Reactor:new()
    local times, timers = delays(count), {}
    local insert = timed(count, function()
        for i = 1, count do timers[i] = reactor:call_later(times[i], call) end
    end)
    for i = count, 2, -1 do -- the order of Fisher and Yates
        local other = math.random(i)
        timers[i], timers[other] = timers[other], timers[i]
    end
    local victims = count / 10 * 9
    return insert, timed(victims, function()
        for i = 1, victims do timers[i]:cancel() end
    end)
end

local function measure_timers(count)
    local insert, cancel = insert_then_cancel(count)
    collectgarbage()
    local fired = fire(count / 10)
    local small = insert_and_cancel(count / 100, count / 10)
    collectgarbage()
    local large = insert_and_cancel(count, count / 10)
    print(('{"insert_ns": %.2f, "cancel_ns": %.2f, "fire_ns": %.2f, '):format(insert, cancel, fired)
        .. ('"insert_cancel_small_ns": %.2f, "insert_cancel_large_ns": %.2f}'):format(small, large))
end

local function measure_ticks(count)
    local reactor = tidemill.Reactor:new()
    local left = count
    local function link()
        left = left - 1
        if left > 0 then reactor:next_tick(link) end
    end
    local chain = timed(count, function()
        reactor:next_tick(link)
        reactor:run()
    end)
    check_calls(left, 0)
    local batch = timed(count, function()
        for _ = 1, count do reactor:next_tick(call) end
        reactor:run()
    end)
    check_calls(calls, count)
    print(('{"chain_ns": %.2f, "batch_ns": %.2f, "post_ns": null}'):format(chain, batch))
end

local options = {}
for i = 1, #arg, 2 do options[arg[i]] = arg[i + 1] end
math.randomseed(1)
local count = tonumber(options["--count"])
if options["--case"] == "timers" then
    measure_timers(count or 1000000)
elseif options["--case"] == "ticks" then
    measure_ticks(count or 100000)
else
    error("usage: tidemill.lua --case timers|ticks [--count N]")
end
