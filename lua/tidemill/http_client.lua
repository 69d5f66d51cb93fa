-- HttpClient: requests of HTTP. A whole answer is a Deferred of an HttpResponse; HttpExchange is what users extend to have it in pieces. The
-- core knows each request by the ticket of its object.
local check = require "tidemill.check"
local Connection = require "tidemill.connection"
local cookies = require "tidemill.cookies"
local core = require "tidemill.core"
local Deferred = require "tidemill.deferred"
local errors = require "tidemill.errors"
local http = require "tidemill.http"
local tls = require "tidemill.tls"

-- ---- HttpResponse ----

local HttpResponse = {__name = "tidemill.HttpResponse"}
HttpResponse.__index = HttpResponse

local function response_of(status, reason, version, headers, url, redirects, body)
    return setmetatable({_status = status, _reason = reason, _version = version, _headers = http.pairs_of(headers), _url = url,
        _redirects = redirects, _body = body or "", _trailers = {}}, HttpResponse)
end

for _, name in ipairs {"status", "reason", "version", "headers", "url", "redirects", "body", "trailers"} do
    local key = "_" .. name
    HttpResponse[name] = function(self)
        return self[key]
    end
end

function HttpResponse:header(name, options)
    options = check.options(2, "header", options, {default = "string"})
    for _, field in ipairs(self._headers) do
        if field[1]:lower() == name:lower() then
            return field[2]
        end
    end
    return options.default
end

function HttpResponse:__tostring()
    return ("tidemill.HttpResponse: %d %s"):format(self._status, self._url)
end

-- ---- HttpExchange ----

local HttpExchange = {__name = "tidemill.HttpExchange", extend = Connection.extend}
HttpExchange.__index = HttpExchange

function HttpExchange:new(...)
    local exchange = setmetatable({_id = 0}, self)
    local init = exchange.init
    if init ~= nil then
        init(exchange, ...)
    end
    return exchange
end

local function ignore()
end

HttpExchange.on_interim = ignore
HttpExchange.on_response = ignore
HttpExchange.on_body = ignore
HttpExchange.on_drain = ignore
HttpExchange.on_end = ignore
HttpExchange.on_failure = ignore

local function core_of(self, operation)
    if self._client == nil then
        error(errors.describe("state", operation, "", "the request has not been started; stream does that"), 0)
    end
    return self._client._core
end

function HttpExchange:write(data)
    return core_of(self, "write"):write(self._id, data)
end

for _, name in ipairs {"finish", "cancel", "pause", "resume"} do
    HttpExchange[name] = function(self)
        local client = core_of(self, name)
        client[name](client, self._id)
    end
end

function HttpExchange:is_over()
    return self._client ~= nil and self._client._core:is_over(self._id)
end

function HttpExchange:response()
    return self._response
end

function HttpExchange:_on_interim(...)
    self:on_interim(response_of(...))
end

function HttpExchange:_on_head(...)
    self._response = response_of(...)
    self:on_response(self._response)
end

function HttpExchange:_on_body(data)
    self:on_body(data)
end

function HttpExchange:_on_body_end(trailers)
    self._response._trailers = http.pairs_of(trailers)
    self:on_end(self._response)
end

function HttpExchange:_on_failure(problem)
    self:on_failure(problem)
end

-- A request whose answer comes in one piece.
local Whole = {on_drain = ignore}
Whole.__index = Whole

function Whole:_on_reply(...)
    self._deferred:succeed(response_of(...))
end

function Whole:_on_failure(problem)
    self._deferred:fail(problem)
end

-- ---- HttpClient ----

local HttpClient = {__name = "tidemill.HttpClient"}
HttpClient.__index = HttpClient

local client_options = {reactor = "table", connect_timeout = "number", response_timeout = "number", idle_timeout = "number",
    total_timeout = "number", per_origin = "number", max_connections = "number", max_waiting = "number", keep_alive = "number",
    redirects = "number", leave_tls = "boolean", decompress = "boolean", max_body = "number", proxy = "string",
    proxy_authorization = "string", connect_to = "string", user_agent = "string", tls = "table"}

-- options: see client_options, and cookies: true or a CookieJar.
function HttpClient:new(options)
    local others, wanted = {}, nil
    if type(options) == "table" then
        wanted = options.cookies
        for name, value in pairs(options) do
            others[name] = value
        end
        others.cookies = nil
        options = others
    end
    options = check.options(1, "new", options, client_options)
    local lines = {}
    for name, value in pairs(options) do
        if name ~= "reactor" and name ~= "tls" then
            local text = type(value) == "boolean" and (value and "1" or "0") or tostring(value)
            lines[#lines + 1] = name .. "=" .. text
        end
    end
    local reactor = options.reactor or require("tidemill.default").default_reactor()
    local jar = cookies.jar_of(wanted, reactor)
    local made = core.tidemill.script.HttpClientCore(reactor._core, table.concat(lines, "\0"), tls.core_of(options.tls), jar and jar._core)
    return setmetatable({_reactor = reactor, _core = made, _jar = jar}, self)
end

local function start(self, made, method, url, options, is_gathered)
    local text, count = http.text_of(options.headers)
    return self._reactor:_add_object(made, function(_, ticket)
        self._core:request(method, url, text, count, options.body or "", options.streamed or false, is_gathered, options.timeout or -1,
            options.redirects or -1, ticket)
        return ticket
    end)
end

local request_options = {headers = "table", body = "string", timeout = "number", redirects = "number"}

-- options: headers, body, timeout, redirects
function HttpClient:request(method, url, options)
    options = check.options(3, "request", options, request_options)
    local made
    local deferred = Deferred:new {reactor = self._reactor, canceller = function() self._core:cancel(made._id) end}
    made = start(self, setmetatable({_deferred = deferred}, Whole), method, url, options, true)
    return deferred
end

for name, method in pairs {get = "GET", head = "HEAD", delete = "DELETE"} do
    HttpClient[name] = function(self, url, options)
        options = check.options(2, name, options, {headers = "table"})
        return self:request(method, url, {headers = options.headers})
    end
end

for name, method in pairs {post = "POST", put = "PUT"} do
    HttpClient[name] = function(self, url, body, options)
        options = check.options(3, name, options, {headers = "table"})
        return self:request(method, url, {headers = options.headers, body = body})
    end
end

local stream_options = {headers = "table", body = "string", streamed = "boolean", timeout = "number", redirects = "number"}

-- handler: an exchange, a class of them, or a function that makes one. options: headers, body, streamed, timeout, redirects
function HttpClient:stream(method, url, handler, options)
    options = check.options(4, "stream", options, stream_options)
    local is_made = type(handler) == "table" and rawget(handler, "_id") ~= nil
    local made = is_made and handler or check.factory(3, "stream", handler)()
    if type(made) ~= "table" or made._on_head == nil then
        error("bad argument #3 to 'stream' (a tidemill.HttpExchange is needed)", 2)
    end
    if made._client ~= nil and not made:is_over() then
        error(errors.describe("state", "stream", "", "this exchange object is in use already"), 0)
    end
    start(self, made, method, url, options, false)
    made._client = self
    return made
end

function HttpClient:close()
    self._core:close()
end

function HttpClient:cookies()
    return self._jar
end

function HttpClient:connections()
    return self._core:connections()
end

function HttpClient:waiting()
    return self._core:waiting()
end

function HttpClient:reactor()
    return self._reactor
end

return {HttpClient = HttpClient, HttpExchange = HttpExchange, HttpResponse = HttpResponse}
