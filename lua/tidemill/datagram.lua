-- Datagram: what users extend for datagram sockets, as they extend Connection.
--
--     local Sink = tidemill.Datagram:extend()
--     function Sink:on_data(data, peer) ... end
--
-- An instance is a table with its class as metatable; _id is the core's number for its other half, 0 before it is opened.
local Connection = require "tidemill.connection"
local core = require "tidemill.core"
local errors = require "tidemill.errors"

local Datagram = {__name = "tidemill.Datagram", extend = Connection.extend}
Datagram.__index = Datagram

function Datagram:new(...)
    local datagram = setmetatable({_id = 0}, self)
    local init = datagram.init
    if init ~= nil then
        init(datagram, ...)
    end
    return datagram
end

local function ignore()
end

Datagram.on_open = ignore
Datagram.on_data = ignore
Datagram.on_drain = ignore
Datagram.on_lost = ignore
Datagram.on_close = ignore

local function core_of(self, operation)
    if self._id == 0 then
        error(errors.describe("state", operation, "", "the datagram socket has not been opened; open_datagram does that"), 0)
    end
    return self._reactor._core
end

function Datagram:write(data, to)
    return core.datagram_write(core_of(self, "write"), self._id, data, to or "")
end

for _, name in ipairs {"close", "abort", "pause", "resume"} do
    local call = core["datagram_" .. name]
    Datagram[name] = function(self)
        call(core_of(self, name), self._id)
    end
end

function Datagram:join(group, interface)
    core.datagram_join(core_of(self, "join"), self._id, group, interface or "")
end

function Datagram:leave(group, interface)
    core.datagram_leave(core_of(self, "leave"), self._id, group, interface or "")
end

for _, name in ipairs {"set_multicast_interface", "set_multicast_ttl", "set_multicast_loop", "set_broadcast"} do
    local call = core["datagram_" .. name]
    Datagram[name] = function(self, value)
        call(core_of(self, name), self._id, value)
    end
end

-- before: its value before it is opened
for name, before in pairs {local_ = "", peer = "", state = "new", pending = 0, dropped = 0} do
    local call = core["datagram_" .. name:gsub("_$", "")]
    Datagram[name] = function(self)
        if self._id == 0 then
            return before
        end
        return call(self._reactor._core, self._id)
    end
end

function Datagram:id()
    return self._id
end

function Datagram:reactor()
    return self._reactor
end

function Datagram:__tostring()
    return ("tidemill.Datagram: %s %s"):format(self:state(), self:local_())
end

return Datagram
