-- Deferred: a value or an error later. Its functions wait here; the loop calls them by Reactor:_deliver, which a stop does not drop.
local check = require "tidemill.check"
local errors = require "tidemill.errors"

local Deferred = {__name = "tidemill.Deferred"}
Deferred.__index = Deferred

-- options: reactor, canceller.
function Deferred:new(options)
    options = check.options(1, "new", options, {reactor = "table", canceller = "function"})
    local reactor = options.reactor or require("tidemill.default").default_reactor()
    -- _waiters: is it for success, function; _is_success, _value: the outcome
    return setmetatable({_reactor = reactor, _canceller = options.canceller, _waiters = {}, _is_done = false}, self)
end

local function drop_timeout(self)
    if self._timer then
        self._timer:cancel()
        self._reactor:_release(self._hold)
        self._timer, self._hold = nil, nil
    end
end

local function hand_over(self, is_for_success, call)
    if self._is_success == is_for_success then
        local value = self._value
        self._reactor:_deliver(function() call(value) end)
    end
end

local function settle(self, operation, is_success, value)
    self._reactor._core:check_thread(operation)
    if self._is_done then
        return false
    end
    self._is_done, self._is_success, self._value = true, is_success, value
    drop_timeout(self)
    local waiters = self._waiters
    self._canceller, self._waiters = nil, {}
    for _, waiter in ipairs(waiters) do
        hand_over(self, waiter[1], waiter[2])
    end
    return true
end

function Deferred:_give_up(problem)
    self._reactor._core:check_thread("cancel")
    if self._canceller and not self._is_done then
        self._reactor:_deliver(self._canceller)
    end
    return settle(self, "cancel", false, problem)
end

function Deferred:succeed(value)
    return settle(self, "succeed", true, value)
end

function Deferred:fail(problem)
    return settle(self, "fail", false, problem)
end

function Deferred:cancel()
    return self:_give_up(errors.describe("cancelled", "cancel", "", "the result was not wanted any more"))
end

local function add(self, is_for_success, call)
    self._reactor._core:check_thread("add")
    if self._is_done then
        hand_over(self, is_for_success, call)
    else
        table.insert(self._waiters, {is_for_success, call})
    end
    return self
end

function Deferred:on_success(call)
    return add(self, true, check.callable(1, "on_success", call))
end

function Deferred:on_failure(call)
    return add(self, false, check.callable(1, "on_failure", call))
end

function Deferred:set_timeout(seconds)
    check.type(1, "set_timeout", seconds, "number")
    local timer = self._reactor:call_later(seconds, function()
        self:_give_up(errors.describe("timeout", "wait for a result", "", "no result within the deadline"))
    end)
    drop_timeout(self)
    if seconds == 0 or self._is_done then
        timer:cancel()
        return
    end
    self._timer = timer
    -- A stop drops the timer, and with it the promise that this is settled one day.
    self._hold = self._reactor:_hold_on(function()
        self:_give_up(errors.describe("cancelled", "run", "", "the reactor stopped"))
    end)
end

function Deferred:is_done()
    return self._is_done
end

function Deferred:__tostring()
    return "tidemill.Deferred: " .. (not self._is_done and "waiting" or self._is_success and "succeeded" or "failed")
end

return Deferred
