-- WebSocketConnection: what users extend for a WebSocket, of a server and of a client. An object's fields are looked at when it gets its
-- stream.
local check = require "tidemill.check"
local Connection = require "tidemill.connection"
local core = require "tidemill.core"
local http = require "tidemill.http"

local WebSocketConnection = Connection:extend()
WebSocketConnection.__name = "tidemill.WebSocketConnection"
WebSocketConnection.max_message = 1048576
WebSocketConnection.max_fragments = 128
WebSocketConnection.compresses = true
WebSocketConnection.streams = false
WebSocketConnection.subprotocols = {}
WebSocketConnection.handshake_timeout = 10
WebSocketConnection.ping_interval = 30
WebSocketConnection.pong_timeout = 20

-- Of a client.
WebSocketConnection.path = "/"
WebSocketConnection.host = ""
WebSocketConnection.origin = ""
WebSocketConnection.headers = {}

local WebSocketHandshake = {__name = "tidemill.WebSocketHandshake"}
WebSocketHandshake.__index = WebSocketHandshake

local function ignore()
end

-- ---- callbacks ----

WebSocketConnection.on_handshake = ignore
WebSocketConnection.on_text = ignore
WebSocketConnection.on_binary = ignore
WebSocketConnection.on_part = ignore
WebSocketConnection.on_ping = ignore
WebSocketConnection.on_pong = ignore

function WebSocketConnection:on_shutdown()
    self:close(1001)
end

-- ---- calls ----

WebSocketConnection.send_text = core.websocket_send_text
WebSocketConnection.send_binary = core.websocket_send_binary

function WebSocketConnection:ping(payload)
    return core.websocket_ping(self, payload or "")
end

function WebSocketConnection:close(code, reason)
    core.websocket_close(self, code or 1000, reason or "")
end

-- ---- what is known ----

WebSocketConnection.target = core.websocket_target
WebSocketConnection.subprotocol = core.websocket_subprotocol
WebSocketConnection.close_code = core.websocket_close_code
WebSocketConnection.close_reason = core.websocket_close_reason

-- ---- the core's calls ----

local function hexadecimal(text)
    return (text:gsub(".", function(octet) return ("%02x"):format(octet:byte()) end))
end

function WebSocketConnection:_protocol()
    local fields, count = http.text_of(self.headers)
    local words = {subprotocols = table.concat(self.subprotocols, ","), path = self.path, host = self.host, origin = self.origin,
        headers = fields}
    local options = {
        ("max_message=%.0f max_fragments=%.0f compresses=%d streams=%d header_count=%d"):format(
            self.max_message, self.max_fragments, self.compresses and 1 or 0, self.streams and 1 or 0, count),
        ("handshake=%.0f ping=%.0f pong=%.0f"):format(self.handshake_timeout * 1e6, self.ping_interval * 1e6, self.pong_timeout * 1e6)}
    for name, word in pairs(words) do
        options[#options + 1] = name .. "=" .. hexadecimal(word)
    end
    return "websocket", table.concat(options, " ")
end

function WebSocketConnection:_on_handshake(target, origin, protocols)
    local subprotocols = {}
    for protocol in protocols:gmatch("[^,]+") do
        subprotocols[#subprotocols + 1] = protocol
    end
    self:on_handshake(setmetatable({_connection = self, _target = target, _origin = origin, _subprotocols = subprotocols}, WebSocketHandshake))
end

-- ---- what a client asks for ----

function WebSocketHandshake:target()
    return self._target
end

function WebSocketHandshake:origin()
    return self._origin
end

function WebSocketHandshake:subprotocols()
    return self._subprotocols
end

function WebSocketHandshake:headers()
    self._headers = self._headers or http.pairs_of(core.websocket_fields(self._connection))
    return self._headers
end

-- options: default
function WebSocketHandshake:header(name, options)
    options = check.options(2, "header", options, {default = "string"})
    for _, field in ipairs(self:headers()) do
        if field[1]:lower() == name:lower() then
            return field[2]
        end
    end
    return options.default
end

function WebSocketHandshake:refuse(status)
    core.websocket_refuse(self._connection, status or 403)
end

function WebSocketHandshake:choose(subprotocol)
    core.websocket_choose(self._connection, subprotocol)
end

function WebSocketHandshake:add_header(name, value)
    core.websocket_add_field(self._connection, name, value)
end

function WebSocketHandshake:__tostring()
    return "tidemill.WebSocketHandshake: " .. self._target
end

return {WebSocketConnection = WebSocketConnection, WebSocketHandshake = WebSocketHandshake}
