-- Connection: what users extend.
--
--     local Chat = tidemill.Connection:extend()      a class; it may be extended again
--     function Chat:init(room) self.room = room end  called by new with its arguments; may be left out
--     local chat = Chat:new(room)
--
-- An instance is a table with its class as metatable; its C++ half is in slot [1], which is not for the program. Callbacks are looked up
-- when they are due, so that an instance may get another on_data at any time.
local check = require "tidemill.check"
local core = require "tidemill.core"
local tls = require "tidemill.tls"

local Connection = {__name = "tidemill.Connection"}
Connection.__index = Connection

function Connection:extend()
    local class = {}
    -- Lua takes metamethods from the metatable itself and not from what that inherits.
    for name, value in pairs(self) do
        if type(name) == "string" and name:sub(1, 2) == "__" then
            class[name] = value
        end
    end
    class.__index = class
    return setmetatable(class, {__index = self})
end

function Connection:new(...)
    local connection = core.new_connection(self)
    local init = connection.init
    if init ~= nil then
        init(connection, ...)
    end
    return connection
end

local function ignore()
end

Connection.on_open = ignore
Connection.on_data = ignore
Connection.on_drain = ignore
Connection.on_shutdown = ignore
Connection.on_proxy_end = ignore
Connection.on_tls = ignore
Connection.on_end = core.connection_close
Connection.on_close = ignore

Connection.write = core.write
Connection.close = core.connection_close
Connection.abort = core.connection_abort
Connection.pause = core.connection_pause
Connection.resume = core.connection_resume
Connection.end_write = core.connection_end_write
Connection.set_idle_timeout = core.connection_set_idle_timeout
Connection.set_close_timeout = core.connection_set_close_timeout
Connection.set_output_limit = core.connection_set_output_limit
Connection.set_watermarks = core.connection_set_watermarks

Connection.stop_proxy = core.connection_stop_proxy
Connection.proxied = core.connection_proxied

-- options: offset, length.
function Connection:send_file(path, options)
    check.type(1, "send_file", path, "string")
    options = check.options(2, "send_file", options, {offset = "number", length = "number"})
    core.connection_send_file(self, path, options.offset or 0, options.length or -1)
end

-- options: length.
function Connection:proxy_to(other, options)
    options = check.options(2, "proxy_to", options, {length = "number"})
    core.connection_proxy_to(self, other, options.length or -1)
end

-- handler: a connection, a connection class, or a function that makes a connection. options: leftover.
function Connection:become(handler, options)
    local is_made = core.is_connection(handler)
    local factory = not is_made and check.factory(1, "become", handler)
    options = check.options(2, "become", options, {leftover = "string"})
    core.connection_check_become(self)
    return self._reactor:_start(is_made and handler or factory(), function(connection)
        core.connection_become(self, connection, options.leftover or "")
    end)
end

Connection.peer = core.connection_peer
Connection.local_ = core.connection_local   -- `local` is a word of Lua
Connection.id = core.connection_id
Connection.state = core.connection_state
Connection.pending = core.connection_pending

-- options: server_name
function Connection:start_tls(context, options)
    options = check.options(2, "start_tls", options, {server_name = "string"})
    if getmetatable(context) ~= tls.TlsContext then
        error("bad argument #1 to 'start_tls' (tidemill.TlsContext expected, got " .. type(context) .. ")", 2)
    end
    core.connection_start_tls(self, tls.core_of(context), options.server_name or "")
end

function Connection:_on_tls()
    self:on_tls(self:tls())
end

Connection.tls = tls.info_of

function Connection:reactor()
    return self._reactor
end

function Connection:__tostring()
    return ("tidemill.Connection: %s %s"):format(self:state(), self:peer())
end

return Connection
