-- An application as a function, in the manner of WSAPI:
--
--     tidemill.serve(function(env)
--         return 200, {["content-type"] = "text/plain"}, coroutine.wrap(function() coroutine.yield("hello\n") end)
--     end, {listen = "tcp://127.0.0.1:8080"})
--
-- It gets a table with the names of CGI and with input and error, and answers a status, headers and an iterator of strings (or one string). It runs
-- in the loop; a request's body is there before, and the iterator is asked for more when the client has read what came before.
local AccessLog = require "tidemill.access_log"
local check = require "tidemill.check"
local core = require "tidemill.core"
local default = require "tidemill.default"
local HttpConnection = require("tidemill.http").HttpConnection

-- bindings/http_head.h
local HAS_BODY, IS_HTTP10 = 1, 2

-- Of a body so much is kept in memory, more in a file.
local SPOOL = 65536
-- What an iterator's strings are cut into; it waits for room behind each.
local PIECE = 262144

-- ---- the request's body: input:read(n), input:read("*a") ----

local Input = {}
Input.__index = Input

local function new_input()
    return setmetatable({_parts = {}, _size = 0}, Input)
end

function Input:_add(data)
    if self._file == nil and self._size + #data > SPOOL then
        self._file = assert(io.tmpfile())
        assert(self._file:write(table.concat(self._parts)))
    end
    if self._file then
        assert(self._file:write(data))
    else
        self._parts[#self._parts + 1] = data
    end
    self._size = self._size + #data
end

function Input:_begin()
    if self._file then
        self._file:seek("set", 0)
    else
        self._text, self._parts, self._place = table.concat(self._parts), nil, 1
    end
end

function Input:read(wanted)
    wanted = wanted or "*a"
    if type(wanted) ~= "number" then
        wanted = tostring(wanted):match("^%*?a") and math.huge or error("read: a number or '*a'", 2)
    end
    if self._file then
        return self._file:read(wanted == math.huge and "*a" or wanted)
    end
    local rest = #self._text - self._place + 1
    if rest == 0 and wanted ~= math.huge and wanted > 0 then
        return nil
    end
    local found = self._text:sub(self._place, self._place + math.min(rest, wanted) - 1)
    self._place = self._place + #found
    return found
end

function Input:_close()
    if self._file then
        self._file:close()
    end
end

-- ---- the answer ----

-- How fields cross the border: text and count. A value may be a list of values; a list of pairs is taken too.
local function text_of(headers)
    local lines, count = {}, 0
    local function add(name, value)
        lines[2 * count + 1], lines[2 * count + 2], count = name, tostring(value), count + 1
    end
    for name, value in pairs(headers or {}) do
        if type(name) == "number" then
            name, value = value[1], value[2]
        end
        if type(value) == "table" then
            for _, one in ipairs(value) do
                add(name, one)
            end
        else
            add(name, value)
        end
    end
    return table.concat(lines, "\n"), count
end

local AppConnection = HttpConnection:extend()
AppConnection.__name = "tidemill.AppConnection"

local function report(problem)
    io.stderr:write("the application raised: ", tostring(problem), "\n")
end

-- An answer in pieces that the client has not read yet: {number, next, rest of a string}. False: there is no more to be done for now.
local function write_some(self, answer)
    local data = answer.rest or answer.next()
    answer.rest = nil
    if data == nil then
        self._answer = nil
        core.http_finish(self, answer.number, "", 0)
        return false
    end
    data = tostring(data)
    if #data > PIECE then
        data, answer.rest = data:sub(1, PIECE), data:sub(PIECE + 1)
    end
    return data == "" or core.http_write(self, answer.number, data)
end

local function fail(self, number, problem)
    self._answer = nil
    report(problem)
    pcall(core.http_fail, self, number) -- it may be gone
end

local function go_on(self)
    local answer = self._answer
    local succeeded, is_flowing
    repeat
        succeeded, is_flowing = pcall(write_some, self, answer)
    until not succeeded or not is_flowing
    if not succeeded then
        fail(self, answer.number, is_flowing)
    end
end

local function answer_with(self, number, status, headers, body)
    local text, count = text_of(headers)
    if type(body) == "string" and #body <= PIECE or body == nil then
        core.http_respond(self, number, status, text, count, body or "")
        return
    end
    local given = body
    if type(body) == "string" then
        if not text:lower():find("content-length\n", 1, true) then
            text, count = (count > 0 and text .. "\n" or "") .. "content-length\n" .. #body, count + 1
        end
        body = function()
            local whole = given
            given = nil
            return whole
        end
    end
    core.http_start(self, number, status, text, count)
    self._answer = {number = number, next = body}
end

local function call_app(self, number, env)
    local succeeded, problem = pcall(function()
        local status, headers, body = self._app(env)
        answer_with(self, number, tonumber(status) or tonumber(tostring(status):match("^%d+")), headers, body)
    end)
    env.input:_close()
    if not succeeded then
        fail(self, number, problem)
    elseif self._answer then
        go_on(self)
    end
end

-- ---- the core's calls ----

function AppConnection:_protocol()
    local name, options = HttpConnection._protocol(self)
    return name, options .. " heads=cgi"
end

local function address_of(endpoint)
    local host, port = endpoint:match("^%a+://(.*):(%d+)$")
    if host == nil then
        return "127.0.0.1", "0" -- a UNIX socket's, which has none
    end
    return (host:gsub("[%[%]]", "")), port
end

function AppConnection:on_open()
    self._peer, self._peer_port = address_of(self:peer())
    self._local, self._local_port = address_of(self:local_())
    self._scheme = self:tls() and "https" or "http"
end

local function decoded(path)
    return (path:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

function AppConnection:_on_head(number, method, target, flags, fields)
    local env = {
        REQUEST_METHOD = method, SCRIPT_NAME = "", REQUEST_URI = target,
        SERVER_PROTOCOL = flags % (2 * IS_HTTP10) >= IS_HTTP10 and "HTTP/1.0" or "HTTP/1.1", SERVER_SOFTWARE = "tidemill",
        GATEWAY_INTERFACE = "CGI/1.1", SERVER_NAME = self._local, SERVER_PORT = self._local_port, REMOTE_ADDR = self._peer,
        REMOTE_PORT = self._peer_port, URL_SCHEME = self._scheme, input = new_input(), error = io.stderr,
    }
    for _, field in ipairs(fields) do
        env[field[1]] = field[2]
    end
    local path = target:sub(1, 1) == "/" and target or target:match("^[^:]*://[^/?]*(.*)$") or "/"
    env.PATH_INFO = decoded(path:match("^[^?]*"))
    if env.PATH_INFO:sub(1, 1) ~= "/" then
        env.PATH_INFO = "/" .. env.PATH_INFO
    end
    env.QUERY_STRING = path:match("%?(.*)$") or ""
    if flags % (2 * HAS_BODY) >= HAS_BODY then
        self._env, self._number = env, number
    else
        env.input:_begin()
        call_app(self, number, env)
    end
end

function AppConnection:_on_body(data)
    self._env.input:_add(data)
end

function AppConnection:_on_body_end()
    local env = self._env
    if env then
        self._env = nil
        env.CONTENT_LENGTH = tostring(env.input._size) -- also of one that was chunked
        env.input:_begin()
        call_app(self, self._number, env)
    end
end

function AppConnection:_on_response_drain()
    if self._answer then
        go_on(self)
    end
end

function AppConnection:on_close()
    if self._env then
        self._env.input:_close()
        self._env = nil
    end
    self._answer = nil
end

-- ---- serving ----

-- A line for each request. on_response is there for HttpConnection to see; _on_response is what is called.
local function log_to(Server, log)
    Server.on_response = function() end
    function Server:_on_head(number, ...)
        self._logged = number
        return AppConnection._on_head(self, number, ...)
    end
    function Server:_on_response(status, octets)
        log._core:add(self, self._logged, status, octets)
    end
end

local app = {}

-- application: a function, or a table with run. options: listen, an endpoint or a list of them; tls, reuse_port, max_connections, as of
-- Reactor:listen; drain, seconds that SIGTERM and SIGINT let requests finish; on_listening, called with each listener; reactor, where to
-- listen only: the listeners are answered, and whoever has the reactor runs it; access_log, a path for lines in the combined format, "-" for
-- standard output.
function app.serve(application, options)
    local call = type(application) == "table" and application.run or application
    check.callable(1, "serve", call)
    options = check.options(2, "serve", options, {tls = "table", reuse_port = "boolean", max_connections = "number", drain = "number",
        on_listening = "function", reactor = "table", access_log = "string", listen = type(options) == "table" and type(options.listen) == "table" and "table" or "string"})
    local Server = AppConnection:extend()
    Server._app = call
    if options.access_log then
        log_to(Server, AccessLog:new(options.access_log))
    end
    local reactor = options.reactor or default.default_reactor()
    local endpoints = options.listen or "tcp://127.0.0.1:8080"
    local listeners = {}
    for _, endpoint in ipairs(type(endpoints) == "table" and endpoints or {endpoints}) do
        local listener = reactor:listen(endpoint, Server, {tls = options.tls, reuse_port = options.reuse_port, max_connections = options.max_connections})
        listeners[#listeners + 1] = listener
        if options.on_listening then
            options.on_listening(listener)
        end
    end
    if options.reactor then
        return listeners
    end
    for _, name in ipairs {"TERM", "INT"} do
        reactor:on_signal(name, function() reactor:drain(options.drain or 30) end)
    end
    reactor:run()
    return listeners
end

return app
