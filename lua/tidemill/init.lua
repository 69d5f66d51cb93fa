-- tidemill: one event core, here in Lua (5.4, LuaJIT, 5.1).
--
--     local tidemill = require "tidemill"
--
--     local Echo = tidemill.Connection:extend()
--     function Echo:on_data(data)
--         self:write(data)
--     end
--
--     tidemill.listen("tcp://127.0.0.1:8080", Echo)
--     tidemill.run()
--
-- The public names, in the order in which one meets them. Makes no globals; several Lua states may each have their own.
local channel = require "tidemill.channel"
local cookies = require "tidemill.cookies"
local core = require "tidemill.core"
local default = require "tidemill.default"
local errors = require "tidemill.errors"
local framing = require "tidemill.framing"
local http = require "tidemill.http"
local http_client = require "tidemill.http_client"
local process = require "tidemill.process"
local reactor = require "tidemill.reactor"
local tls = require "tidemill.tls"
local websocket = require "tidemill.websocket"

local tidemill = {
    VERSION = core.version(),
    Connection = require "tidemill.connection",
    Datagram = require "tidemill.datagram",
    Reactor = reactor.Reactor,
    Listener = reactor.Listener,
    Timer = reactor.Timer,
    SignalWatch = reactor.SignalWatch,
    SlowCallback = require("tidemill.metrics").SlowCallback,
    Process = process.Process,
    FileWatch = process.FileWatch,
    ProcessWatch = process.ProcessWatch,
    FdWatch = process.FdWatch,
    Deferred = require "tidemill.deferred",
    Channel = channel.Channel,
    Subscription = channel.Subscription,
    Queue = channel.Queue,
    Workers = require "tidemill.workers",
    TlsContext = tls.TlsContext,
    TlsInfo = tls.TlsInfo,
    HttpConnection = http.HttpConnection,
    HttpRequest = http.HttpRequest,
    HttpHosts = require "tidemill.http_hosts",
    AccessLog = require "tidemill.access_log",
    StaticFiles = http.StaticFiles,
    serve = require("tidemill.app").serve,
    HttpClient = http_client.HttpClient,
    HttpExchange = http_client.HttpExchange,
    HttpResponse = http_client.HttpResponse,
    CookieJar = cookies.CookieJar,
    Cookie = cookies.Cookie,
    WebSocketConnection = websocket.WebSocketConnection,
    WebSocketHandshake = websocket.WebSocketHandshake,
    Error = errors.Error,
}

-- LineConnection, MessageConnection, NetstringConnection, BlockConnection, HeaderContentConnection, ObjectConnection
for name, class in pairs(framing) do
    tidemill[name] = class
end

-- default_reactor, run, stop, listen, connect, open_datagram, next_tick, call_later, call_every, defer, resolve, notify_systemd
for name, call in pairs(default) do
    tidemill[name] = call
end

-- OsError, ResolveError, TimeoutError, LimitError, ArgumentError, StateError, TlsError, ClosedError, CancelledError,
-- WorkError, LocalProtocolError, RemoteProtocolError
for name, class in pairs(errors.classes) do
    tidemill[name] = class
end

return tidemill
