-- This Lua state's reactor, and the calls that go to it: small programs need not name one.
local core = require "tidemill.core"
local Reactor = require("tidemill.reactor").Reactor

local default = {}
local reactor, generation

function default.default_reactor()
    -- A forked child does not inherit its parent's: it makes its own.
    if generation ~= core.fork_generation() then
        reactor, generation = Reactor:new(), core.fork_generation()
    end
    return reactor
end

local default_reactor = default.default_reactor

function default.run(setup)
    return default_reactor():run(setup)
end

function default.stop()
    return default_reactor():stop()
end

function default.listen(endpoint, factory, options)
    return default_reactor():listen(endpoint, factory, options)
end

function default.connect(endpoint, handler, options)
    return default_reactor():connect(endpoint, handler, options)
end

function default.open_datagram(endpoint, handler, options)
    return default_reactor():open_datagram(endpoint, handler, options)
end

function default.next_tick(call)
    return default_reactor():next_tick(call)
end

function default.call_later(seconds, call)
    return default_reactor():call_later(seconds, call)
end

function default.call_every(seconds, call)
    return default_reactor():call_every(seconds, call)
end

function default.defer(work, options)
    return default_reactor():defer(work, options)
end

function default.resolve(host)
    return default_reactor():resolve(host)
end

function default.notify_systemd(state)
    return core.notify_systemd(state)
end

return default
