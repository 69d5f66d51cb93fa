-- HttpConnection: what users extend to serve HTTP, and HttpRequest, which it is handed. The core keeps the request; here is its number.
local check = require "tidemill.check"
local Connection = require "tidemill.connection"
local core = require "tidemill.core"

local HttpConnection = Connection:extend()
HttpConnection.__name = "tidemill.HttpConnection"
HttpConnection.adds_date = true
HttpConnection.max_header = 32768
HttpConnection.max_body = 2 ^ 53
HttpConnection.max_requests = 1000

local HttpRequest = {__name = "tidemill.HttpRequest"}
HttpRequest.__index = HttpRequest

local function ignore()
end

-- Callbacks; also on_response(request, status, octets, seconds), which costs nothing as long as it is not defined.

function HttpConnection:on_request(request)
    request:respond(404)
end

HttpConnection.on_body = ignore
HttpConnection.on_body_end = ignore
HttpConnection.on_response_drain = ignore
HttpConnection.on_refusal = ignore

-- ---- the core's calls ----

function HttpConnection:_protocol()
    return "http", ("has_log=%d adds_date=%d max_header=%.0f max_body=%.0f max_requests=%.0f"):format(
        self.on_response and 1 or 0, self.adds_date and 1 or 0, self.max_header, self.max_body, self.max_requests)
end

function HttpConnection:_on_request(number, method, target, has_body)
    local request = setmetatable(
        {_connection = self, _number = number, _method = method, _target = target, _has_body = has_body}, HttpRequest)
    self._request = request
    self:on_request(request)
end

function HttpConnection:_on_body(data)
    self:on_body(self._request, data)
end

function HttpConnection:_on_body_end()
    self:on_body_end(self._request)
end

function HttpConnection:_on_collected(body)
    self._request._collected(self._request, body)
end

function HttpConnection:_on_response_drain()
    self:on_response_drain(self._request)
end

function HttpConnection:_on_response(status, octets, seconds, was_cut)
    self._request._is_cut = was_cut
    self:on_response(self._request, status, octets, seconds)
end

function HttpConnection:_on_refusal(status, problem)
    self:on_refusal(status, problem)
end

-- ---- what was asked ----

local function pairs_of(text)
    local found = {}
    if text ~= "" then
        for name, value in (text .. "\n"):gmatch("([^\n]*)\n([^\n]*)\n") do
            found[#found + 1] = {name, value}
        end
    end
    return found
end

function HttpRequest:method()
    return self._method
end

function HttpRequest:target()
    return self._target
end

function HttpRequest:has_body()
    return self._has_body
end

function HttpRequest:is_cut()
    return self._is_cut or false
end

function HttpRequest:path()
    local target = self._target
    if target:sub(1, 1) ~= "/" then
        local rest = target:match("^[^:]*://(.*)$")
        target = rest == nil and target or rest:match("[/?].*") or ""
    end
    local path = target:match("^[^?]*")
    return path == "" and "/" or path
end

function HttpRequest:query()
    return self._target:match("%?(.*)$") or ""
end

function HttpRequest:version()
    return core.http_version(self._connection, self._number)
end

function HttpRequest:headers()
    self._headers = self._headers or pairs_of(core.http_fields(self._connection, self._number))
    return self._headers
end

function HttpRequest:header(name, options)
    options = check.options(2, "header", options, {default = "string"})
    local value = core.http_header(self._connection, self._number, name)
    if value == "" then
        return options.default
    end
    return value:sub(2)
end

function HttpRequest:trailers()
    return pairs_of(core.http_trailers(self._connection, self._number))
end

function HttpRequest:connection()
    return self._connection
end

function HttpRequest:number()
    return self._number
end

function HttpRequest:is_answered()
    return core.http_is_answered(self._connection, self._number)
end

function HttpRequest:log_line(status, octets)
    return core.http_log_line(self._connection, self._number, status, octets)
end

-- ---- its body ----

function HttpRequest:pause()
    core.http_pause(self._connection, self._number)
end

function HttpRequest:resume()
    core.http_resume(self._connection, self._number)
end

-- options: limit
function HttpRequest:collect(call, options)
    check.callable(1, "collect", call)
    options = check.options(2, "collect", options, {limit = "number"})
    self._collected = call
    core.http_collect(self._connection, self._number, options.limit or -1)
end

function HttpRequest:respond_continue()
    core.http_respond_continue(self._connection, self._number)
end

function HttpRequest:compress()
    core.http_compress(self._connection, self._number)
end

-- ---- the answer ----

-- How fields cross the border: text and count. A list of pairs, or a table by name.
local function text_of(fields)
    if fields == nil then
        return "", 0
    end
    local lines, count = {}, 0
    if fields[1] ~= nil then
        for place, field in ipairs(fields) do
            lines[2 * place - 1], lines[2 * place], count = field[1], field[2], place
        end
    else
        for name, value in pairs(fields) do
            lines[2 * count + 1], lines[2 * count + 2], count = name, value, count + 1
        end
    end
    return table.concat(lines, "\n"), count
end

function HttpRequest:respond(status, headers, body)
    local text, count = text_of(headers)
    return core.http_respond(self._connection, self._number, status, text, count, body or "")
end

function HttpRequest:start(status, headers)
    return core.http_start(self._connection, self._number, status, text_of(headers))
end

function HttpRequest:write(data)
    return core.http_write(self._connection, self._number, data)
end

function HttpRequest:finish(trailers)
    return core.http_finish(self._connection, self._number, text_of(trailers))
end

function HttpRequest:start_events(headers)
    return core.http_start_events(self._connection, self._number, text_of(headers))
end

-- options: event, id, retry_after
function HttpRequest:send_event(data, options)
    options = check.options(2, "send_event", options, {event = "string", id = "string", retry_after = "number"})
    return core.http_send_event(self._connection, self._number, data, options.event or "", options.id or "", options.retry_after or -1)
end

function HttpRequest:ping()
    return core.http_ping(self._connection, self._number)
end

-- options: headers, status
function HttpRequest:upgrade(handler, options)
    local is_made = core.is_connection(handler)
    local factory = not is_made and check.factory(1, "upgrade", handler)
    options = check.options(2, "upgrade", options, {headers = "table", status = "number"})
    local text, count = text_of(options.headers)
    return self._connection._reactor:_start(is_made and handler or factory(), function(connection)
        core.http_upgrade(self._connection, self._number, connection, options.status or 101, text, count)
    end)
end

function HttpRequest:__tostring()
    return ("tidemill.HttpRequest: %s %s"):format(self._method, self._target)
end

-- ---- files ----

local StaticFiles = {__name = "tidemill.StaticFiles"}
StaticFiles.__index = StaticFiles

-- options: index, cache_control
function StaticFiles:new(folder, options)
    check.type(1, "new", folder, "string")
    options = check.options(2, "new", options, {index = "string", cache_control = "string"})
    local made = core.tidemill.script.StaticFilesCore(folder, options.index or "index.html", options.cache_control or "")
    return setmetatable({_core = made}, self)
end

-- options: path
function StaticFiles:serve(request, options)
    options = check.options(2, "serve", options, {path = "string"})
    self._core:serve(request._connection, request._number, options.path or "")
end

return {HttpConnection = HttpConnection, HttpRequest = HttpRequest, StaticFiles = StaticFiles, pairs_of = pairs_of, text_of = text_of}
