-- Channel and Queue: values inside the process, from the loop.
local check = require "tidemill.check"

local Channel = {__name = "tidemill.Channel"}
Channel.__index = Channel
local Subscription = {__name = "tidemill.Subscription"}
Subscription.__index = Subscription
local Queue = {__name = "tidemill.Queue"}
Queue.__index = Queue

local function reactor_in(options)
    options = check.options(1, "new", options, {reactor = "table"})
    return options.reactor or require("tidemill.default").default_reactor()
end

-- ---- Subscription ----

function Subscription:cancel()
    local channel = self._channel
    channel._reactor._core:check_thread("cancel")
    for place, each in ipairs(channel._subscriptions) do
        if each == self then
            table.remove(channel._subscriptions, place)
            self._is_active = false
            return true
        end
    end
    return false
end

function Subscription:is_active()
    return self._is_active
end

-- ---- Channel ----

-- options: reactor.
function Channel:new(options)
    return setmetatable({_reactor = reactor_in(options), _subscriptions = {}}, self)
end

function Channel:subscribe(call)
    check.callable(1, "subscribe", call)
    self._reactor._core:check_thread("subscribe")
    local subscription = setmetatable({_channel = self, _call = call, _is_active = true}, Subscription)
    table.insert(self._subscriptions, subscription)
    return subscription
end

function Channel:publish(value)
    self._reactor:post(function()
        -- Each in a tick of its own: one that raises keeps no other from being called.
        for _, each in ipairs(self._subscriptions) do
            self._reactor:next_tick(function()
                if each._is_active then
                    each._call(value)
                end
            end)
        end
    end)
end

function Channel:subscribers()
    return #self._subscriptions
end

-- ---- Queue ----

-- options: reactor. Values and functions are numbered, so that a nil can be a value.
function Queue:new(options)
    return setmetatable({_reactor = reactor_in(options), _values = {}, _pushed = 0, _calls = {}, _popped = 0, _matched = 0}, self)
end

local function match(self)
    local place = self._matched + 1
    if place > self._pushed or place > self._popped then
        return
    end
    local value, call = self._values[place], self._calls[place]
    self._values[place], self._calls[place], self._matched = nil, nil, place
    self._reactor:_deliver(function() call(value) end)
end

function Queue:push(value)
    self._reactor._core:check_thread("push")
    self._pushed = self._pushed + 1
    self._values[self._pushed] = value
    match(self)
end

function Queue:pop(call)
    check.callable(1, "pop", call)
    self._reactor._core:check_thread("pop")
    self._popped = self._popped + 1
    self._calls[self._popped] = call
    match(self)
end

function Queue:size()
    return math.max(0, self._pushed - self._popped)
end

function Queue:waiting()
    return math.max(0, self._popped - self._pushed)
end

return {Channel = Channel, Subscription = Subscription, Queue = Queue}
