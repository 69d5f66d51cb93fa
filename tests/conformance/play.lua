-- A scenario, played over one transport with one poller: the shortest complete example of the Lua binding.
--
-- The handler class, then the verbs, then the trace matcher.
local tidemill = require "tidemill"
local group_of = require("scenario").group_of
local unpack = table.unpack or unpack

-- What the library did not do although the scenario says it.
local Failed = {}
Failed.__tostring = function(self) return self.text end

local function fail(text, ...)
    error(setmetatable({text = text:format(...)}, Failed), 0)
end

-- -- The handler class -------------------------------------------------------------------------------------------------

-- Tells the play of every callback.
local Recorder = tidemill.Connection:extend()

function Recorder:init(play, name)
    self.play, self.name, self.writable, self.is_over = play, name, "", false
end

function Recorder:on_open()
    self.play:seen(self.name, "on_open", nil, self)
end

function Recorder:on_data(data)
    self.play:seen(self.name, "on_data", data, self)
end

function Recorder:on_drain()
    self.play:seen(self.name, "on_drain", nil, self)
end

function Recorder:on_shutdown()
    self.play:seen(self.name, "on_shutdown", nil, self)
end

function Recorder:on_tls(info)
    if self.play.scenario:reacts(self.name, "on_tls") then
        self.play:seen(self.name, "on_tls", info:peer_subject(), self)
    end
end

function Recorder:on_end()
    self.play:seen(self.name, "on_end", nil, self, tidemill.Connection.on_end)
end

local function word_for(reason)
    return not reason and "ok" or reason.code == "os" and "os " .. reason.errno_name or reason.code
end

function Recorder:on_proxy_end(reason)
    self.play:seen(self.name, "on_proxy_end", word_for(reason), self)
end

function Recorder:on_close(reason)
    self.play:seen(self.name, "on_close", word_for(reason), self)
end

local ForgivingRecorder = Recorder:extend()

function ForgivingRecorder:on_error(problem)
    self.play:seen(self.name, "on_error", tostring(problem), self)
end

-- What protocols tell; each has some of these.
local framed = {}
for _, event in ipairs {"on_line", "on_text", "on_message", "on_block", "on_content"} do
    framed[event] = function(self, octets)
        self.play:seen(self.name, event, octets, self)
    end
end

function framed:on_header(lines)
    self.play:seen(self.name, "on_header", table.concat(lines, "\n"), self)
end

local _, json = pcall(require, "cjson")   -- as objects are for

function framed:on_object(value)
    self.play:seen(self.name, "on_object", json.encode(value), self)
end

-- What a server of HTTP is told; the request is the one that actions mean.
local site = {adds_date = false}

function site:on_request(request)
    self.request = request
    self.play:seen(self.name, "on_request", request:method() .. " " .. request:target(), self)
end

function site:on_body(_, data)
    self.play:seen(self.name, "on_body", data, self)
end

function site:on_body_end()
    self.play:seen(self.name, "on_body_end", nil, self)
end

function site:on_response_drain()
    self.play:seen(self.name, "on_response_drain", nil, self)
end

function site:on_response(request, status, octets)
    self.response = {request, status, octets}
    self.play:seen(self.name, "on_response", ("%s%d %d"):format(request:is_cut() and "cut " or "", status, octets), self)
end

function site:on_refusal(status, problem)
    self.play:seen(self.name, "on_refusal", ("%d %s"):format(status, problem.code), self)
end

-- What a WebSocket is told; the handshake is the one that actions mean.
local web = {is_web = true}
for _, event in ipairs {"on_text", "on_binary", "on_ping", "on_pong"} do
    web[event] = framed[event] or function(self, octets)
        self.play:seen(self.name, event, octets, self)
    end
end

function web:on_part(data, is_text, is_first, is_last)
    local flags = (is_text and "text" or "binary") .. (is_first and ",first" or "") .. (is_last and ",last" or "")
    self.play:seen(self.name, "on_part", flags .. " " .. data, self)
end

function web:on_shutdown()
    Recorder.on_shutdown(self)
    tidemill.WebSocketConnection.on_shutdown(self)
end

function web:on_handshake(handshake)
    self.handshake = handshake
    local told = ("%s %s %s"):format(handshake:target(), handshake:origin(), table.concat(handshake:subprotocols(), ","))
    self.play:seen(self.name, "on_handshake", told, self)
end

-- By the name that a scenario has for it.
local protocols = {lines = "LineConnection", line_batches = "LineConnection", messages = "MessageConnection", netstrings = "NetstringConnection",
    blocks = "BlockConnection", header_content = "HeaderContentConnection", objects = "ObjectConnection", http = "HttpConnection",
    websocket = "WebSocketConnection"}
for name, class in pairs(protocols) do
    local recorder = tidemill[class]:extend()
    for key, method in pairs(Recorder) do
        if key:find("^on_") or key == "init" then recorder[key] = method end
    end
    for key, method in pairs(name == "http" and site or name == "websocket" and web or framed) do recorder[key] = method end
    protocols[name] = recorder
end
protocols.objects.on_message = tidemill.ObjectConnection.on_message

function protocols.line_batches:on_lines(lines)
    for _, line in ipairs(lines) do self:on_line(line) end
end

local echoes = {on_line = "write_line", on_message = "write_message", on_block = "write_block"}

-- The same for datagrams.
local Socket = tidemill.Datagram:extend()
Socket.init, Socket.on_open, Socket.on_drain, Socket.on_close = Recorder.init, Recorder.on_open, Recorder.on_drain, Recorder.on_close

function Socket:on_data(data, peer)
    self.play:seen(self.name, "on_datagram", {data, peer}, self)
end

function Socket:on_lost(problem)
    self.play:seen(self.name, "on_lost", {problem.code == "os" and "os " .. problem.errno_name or problem.code, problem.endpoint}, self)
end

local ForgivingSocket = Socket:extend()
ForgivingSocket.on_error = ForgivingRecorder.on_error

-- The same for an answer in pieces.
local Exchange = tidemill.HttpExchange:extend()

function Exchange:init(play, name)
    self.play, self.name = play, name
end

function Exchange:on_interim(response)
    self.play:seen(self.name, "on_interim", tostring(response:status()))
end

function Exchange:on_response(response)
    self.play:seen(self.name, "on_response", tostring(response:status()))
end

function Exchange:on_body(data)
    self.play:seen(self.name, "on_body", data)
end

function Exchange:on_end()
    self.play:seen(self.name, "on_end")
end

function Exchange:on_failure(problem)
    self.play:seen(self.name, "on_failure", problem.code)
end

-- The same for processes.
local Child = tidemill.Process:extend()
Child.init, Child.on_drain = Recorder.init, Recorder.on_drain

function Child:on_stdout(data)
    self.play:seen(self.name, "on_data", data, self)
end

function Child:on_exit(code, signal)
    self.play:seen(self.name, "on_exit", signal or tostring(code or "unknown"), self)
end

local ForgivingChild = Child:extend()
ForgivingChild.on_error = ForgivingRecorder.on_error

-- -- Play: a scenario, played over one transport with one poller -------------------------------------------------------

local Play, verbs = {}, {}
Play.__index = Play

local last_number = 0   -- for fresh endpoints, and for the order of everything
local function next_number()
    last_number = last_number + 1
    return last_number
end

local real_time = tidemill.Reactor:new()   -- for its clock: Lua's own counts whole seconds

function Play.new(scenario, transport, poller, folder)
    return setmetatable({
        scenario = scenario, transport = transport, folder = folder, line = 0, limit = tonumber(scenario.head.limit or 5),
        reactor = tidemill.Reactor:new {poller = poller, clock = scenario.head.clock == "system" and "" or "manual"},
        -- by name: object, what the user gave, text
        entities = {}, given = setmetatable({}, {__mode = "v"}), endpoints = {}, accepted = {},
        reactions = {}, ignored = {},   -- number, line, verb, arguments; by "name event"
        trace = {}, matched = 0,        -- by name: number, event, detail
        is_in_loop = false}, Play)
end

function Play:run()
    for _, step in ipairs(self.scenario.steps) do
        self.line = step.line
        self:perform(step.verb, step.arguments)
    end
    self.line = "end"
    verbs.expect(self, "nothing")
end

function Play:perform(verb, arguments)
    if verbs[verb] then
        verbs[verb](self, unpack(arguments, 1, 8))
    elseif verb == "call_later" or verb == "call_every" or verb == "next_tick" or verb == "post" then
        self:schedule(verb, unpack(arguments, 1, 2))
    else
        local entity = self:entity(arguments[1])
        entity[verb](entity, unpack(arguments, 2, 3))
    end
end

-- A callback came: traces it, then does what the scenario wants done in it.
function Play:seen(name, event, detail, me, default)
    if not self.is_in_loop or me and me.is_over and event ~= "on_error" then
        self.problem = self.problem or {self.line, name .. " " .. event .. " came inside another call, or after on_close"}
    end
    if not self:is_ignored(name, event) then table.insert(self:lines(name), {next_number(), event, detail}) end
    self.me, self.event, self.data, self.is_in_loop = me or self.entities[name], event, detail, false
    if default and not self.scenario:reacts(name, event) then default(me) end
    local raised
    for _, reaction in ipairs(self.reactions) do
        if not raised and (reaction.on == name .. " " .. event or reaction.on == group_of(name) .. " " .. event) then
            if reaction.verb == "raise" then
                raised = reaction.arguments[1]
            else
                local is_fine, problem = pcall(self.perform, self, reaction.verb, reaction.arguments)
                self.problem = self.problem or not is_fine and {reaction.line, ("in %s %s: %s"):format(name, event, tostring(problem))} or nil
            end
        end
    end
    self.me, self.is_in_loop = nil, true
    if event == "on_close" or event == "on_exit" then me.is_over = true end
    if raised then error(raised, 0) end
end

-- The one way into what may call back.
function Play:loop(method, ...)
    local before = self.is_in_loop
    self.is_in_loop = true
    local is_fine, answer = pcall(self.reactor[method], self.reactor, ...)
    self.is_in_loop = before
    if self.problem then
        self.line = self.problem[1]
        fail("%s", self.problem[2])
    end
    if not is_fine then error(answer, 0) end
    return answer
end

function Play:lines(name)
    self.trace[name] = self.trace[name] or {}
    return self.trace[name]
end

function Play:is_ignored(name, event)
    local group = group_of(name)
    return self.ignored[name .. " " .. event] or self.ignored[name .. " *"] or self.ignored[group .. " " .. event] or self.ignored[group .. " *"]
end

function Play:settle()
    local deadline = real_time:now() + self.limit
    while self:loop("run_once", 0) do
        if real_time:now() > deadline then fail("every turn finds something to do") end
    end
end

function Play:entity(name)
    return name == "reactor" and self.reactor or name == "@" and self.me or self.entities[name] or fail("%s is not there", name)
end

function Play:endpoint(text)
    return text:sub(1, 1) == "@" and self.endpoints[text:sub(2)] or (text:gsub("DIR", self.folder))
end

function Play:keep(name, entity, given)
    self.entities[name], self.given[name] = entity, given
end

-- protocol: its name and the fields that are set: lines,max_line=4
function Play:recorder(name, protocol)
    local recorder = (protocol and protocols[protocol:match("^[^,]+")] or Recorder):new(self, name)
    for field, value in (protocol or ""):gmatch(",([^=,]+)=([^,]+)") do recorder[field] = tonumber(value) or value end
    if recorder.compresses == 0 then recorder.compresses = false end
    if recorder.streams == 0 then recorder.streams = false end
    if type(recorder.subprotocols) == "string" then
        local words = {}
        for word in recorder.subprotocols:gmatch("[^|]+") do words[#words + 1] = word end
        recorder.subprotocols = words
    end
    if self.scenario:reacts(name, "on_error") then recorder.on_error = ForgivingRecorder.on_error end
    return recorder
end

function Play:schedule(method, name, seconds)
    local function call() self:seen(name, "fired") end
    local timer = seconds and self.reactor[method](self.reactor, seconds, call) or not seconds and self.reactor[method](self.reactor, call)
    self:keep(name, timer or call, call)
end

local function same(what, expected, seen)
    if expected ~= tostring(seen) then fail("%s: expected %s, seen %s", what, expected, tostring(seen)) end
end

-- Twice: Lua 5.1 frees in the second round what the first one finalised.
local function collect()
    collectgarbage()
    collectgarbage()
end

-- The verbs that are more than a method of that name

local contexts = {}   -- by folder and name, for the whole process: sessions live in them

-- The TLS context that the name stands for.
local function context(play, name)
    local place = play.folder .. "/certificates/"
    if not contexts[place .. name] then
        local first = name == "sites" and "server" or name
        local made = tidemill.TlsContext:new {
            authorities = place .. "ca.pem", certificate = name ~= "none" and place .. first .. ".pem" or nil,
            private_key = name ~= "none" and place .. first .. ".key" or nil}
        if name == "sites" then made:add_certificate(place .. "other.pem", place .. "other.key") end
        contexts[place .. name] = made
    end
    return contexts[place .. name]
end

function verbs.listen(play, name, backlog, reuse_port, max_connections, tls, protocol, endpoint)
    local function factory()
        play.accepted[name] = (play.accepted[name] or 0) + 1
        local recorder = play:recorder(name .. play.accepted[name], protocol)
        play:keep(recorder.name, recorder, recorder)
        return recorder
    end
    local number = next_number()
    local fresh = {tcp = "tcp://127.0.0.1:0", tls = "tls://127.0.0.1:0", unix = ("unix://DIR/%d.sock"):format(number), memory = "memory://" .. number}
    endpoint = play:endpoint(endpoint or fresh[play.transport])
    tls = tls or endpoint:match("^tls:") and "server"
    local listener = play.reactor:listen(endpoint, factory, {
        backlog = backlog, max_connections = max_connections, reuse_port = reuse_port and reuse_port == "true", tls = tls and context(play, tls) or nil})
    play:keep(name, listener, factory)
    play.endpoints[name] = listener:endpoint()
end

function verbs.connect(play, name, listener, endpoint, connect_timeout, host, tls, server_name, protocol)
    endpoint = play:endpoint(listener and "@" .. listener or endpoint)
    if host then endpoint = ("%s://%s:%s"):format(endpoint:match("^%l+"), host, endpoint:match("%d+$")) end
    tls = tls or endpoint:match("^tls:") and "none"
    local recorder = play:recorder(name, protocol)
    play.reactor:connect(endpoint, recorder, {
        connect_timeout = connect_timeout, tls = tls and context(play, tls) or nil, server_name = server_name})
    play:keep(name, recorder, recorder)
end

function verbs.start_tls(play, name, tls, server_name)
    play:entity(name):start_tls(context(play, tls), {server_name = server_name})
end

function verbs.open_datagram(play, name, at, to)
    local fresh = {tcp = "udp://127.0.0.1:0", unix = ("unix-datagram://DIR/%d.sock"):format(next_number())}
    local socket = (play.scenario:reacts(name, "on_error") and ForgivingSocket or Socket):new(play, name)
    play.reactor:open_datagram(play:endpoint(at or fresh[play.transport]), socket, {connect_to = to and play:endpoint(to)})
    play:keep(name, socket, socket)
    play.endpoints[name] = socket:local_()
end

function verbs.spawn(play, name, text, kill_on_stop)
    local child = (play.scenario:reacts(name, "on_error") and ForgivingChild or Child):new(play, name)
    play.reactor:spawn(play:endpoint(text), child, {shell = true, kill_on_stop = kill_on_stop or ""})
    play:keep(name, child, child)
end

function verbs.on_signal(play, name, signal)
    local function call() play:seen(name, "fired") end
    play:keep(name, play.reactor:on_signal(signal, call), call)
end

function verbs.watch_process(play, name, process)
    local function call() play:seen(name, "fired") end
    play:keep(name, play.reactor:watch_process(play:entity(process):pid(), call), call)
end

function verbs.watch_file(play, name, path)
    local function call(event) play:seen(name, "on_file", event) end
    play:keep(name, play.reactor:watch_file(play:endpoint(path), call), call)
end

function verbs.make_file(play, path, value)
    local file = assert(io.open(play:endpoint(path), "wb"))
    file:write(value)
    file:close()
end

function verbs.send_file(play, name, path, offset, length)
    play:entity(name):send_file(play:endpoint(path), {offset = offset, length = length})
end

function verbs.proxy_to(play, name, target, length)
    play:entity(name):proxy_to(play:entity(target), {length = length})
end

function verbs.become(play, name, new, leftover, protocol)
    local recorder = play:recorder(new, protocol)
    play:entity(name):become(recorder, {leftover = leftover})
    play:entity(name).is_over = true
    play:keep(new, recorder, recorder)
end

function verbs.write(play, name, value, to)
    local entity = play:entity(name)
    entity.writable = entity:write(value, to and play:endpoint(to))
end

function verbs.write_content(play, name, header, content)
    local lines = {}
    for line in (header .. "\n"):gmatch("(.-)\n") do table.insert(lines, line) end
    play:entity(name):write_message(lines, content)
end

-- A field a line: name: value
local function fields_of(text)
    local fields = {}
    for header, value in text:gmatch("([^:\n]+): ([^\n]*)") do table.insert(fields, {header, value}) end
    return fields
end

function verbs.add_header(play, name, text)
    for _, header in ipairs(fields_of(text)) do
        play:entity(name).handshake:add_header(header[1], header[2])
    end
end

function verbs.upgrade(play, name, new, protocol, text)
    local recorder = play:recorder(new, protocol)
    play:entity(name).request:upgrade(recorder, {headers = fields_of(text or "")})
    play:keep(new, recorder, recorder)
end

function verbs.send_text(play, name, text)
    local entity = play:entity(name)
    entity.writable = entity:send_text(text)
end

function verbs.send_binary(play, name, data)
    local entity = play:entity(name)
    entity.writable = entity:send_binary(data)
end

function verbs.ping(play, name, payload)
    play:entity(name):ping(payload)
end

function verbs.close_websocket(play, name, code, reason)
    play:entity(name):close(code, reason)
end

function verbs.refuse_handshake(play, name, status)
    play:entity(name).handshake:refuse(status)
end

function verbs.choose_subprotocol(play, name, subprotocol)
    play:entity(name).handshake:choose(subprotocol)
end

function verbs.respond(play, name, status, body)
    play:entity(name).request:respond(status, nil, body)
end

function verbs.start_response(play, name, status, text)
    play:entity(name).request:start(status, fields_of(text))
end

function verbs.finish_with_trailers(play, name, text)
    play:entity(name).request:finish(fields_of(text))
end

function verbs.check_request(play, name, property, text)
    local request = play:entity(name).request
    local seen = request[property](request)
    if type(seen) == "table" then
        local lines = {}
        for place, pair in ipairs(seen) do lines[place] = pair[1] .. ": " .. pair[2] end
        seen = table.concat(lines, "\n")
    end
    same(name .. " " .. property, text, seen)
end

function verbs.respond_continue(play, name) play:entity(name).request:respond_continue() end

function verbs.upgrade_to(play, name, new, text)
    local recorder = play:recorder(new)
    play:entity(name).request:upgrade(recorder, {headers = fields_of(text)})
    play:keep(new, recorder, recorder)
end

function verbs.start_events(play, name) play:entity(name).request:start_events() end

function verbs.send_event(play, name, data, event, id)
    play:entity(name).request:send_event(data, {event = event, id = id})
end

function verbs.ping_events(play, name) play:entity(name).request:ping() end

function verbs.static_files(play, name, folder) play.entities[name] = tidemill.StaticFiles:new(play:endpoint(folder)) end

function verbs.serve_file(play, name, connection)
    play:entity(name):serve(play:entity(connection).request)
end

function verbs.write_body(play, name, data)
    play:entity(name).request:write(data)
end

function verbs.finish_response(play, name)
    play:entity(name).request:finish()
end

function verbs.collect(play, name, limit)
    local me = play:entity(name)
    me.request:collect(function(_, body) play:seen(me.name, "on_collected", body, me) end, {limit = limit})
end

function verbs.http_hosts(play, name) play.entities[name] = tidemill.HttpHosts:new {} end

function verbs.add_site(play, name, host, body)
    play:entity(name):add(host, function(request) request:respond(200, nil, body) end)
end

function verbs.serve_site(play, name, connection)
    play:entity(name):serve(play:entity(connection).request)
end

function verbs.access_log(play, name, path) play.entities[name] = tidemill.AccessLog:new(play:endpoint(path)) end

function verbs.log_response(play, name, connection)
    local request, status, octets = unpack(play:entity(connection).response)
    play.logged_lines = (play.logged_lines or "") .. request:log_line(status, octets) .. "\n"
    play:entity(name):add(request, status, octets)
end

local function text_of_file(path)
    local file = io.open(path, "rb")
    local text = file and file:read("*a") or ""
    if file then file:close() end
    return text
end

-- Times are left out once they look like times.
function verbs.logged(play, path, text)
    path = play:endpoint(path)
    local lines, deadline = play.logged_lines or "", real_time:now() + play.limit
    while #text_of_file(path) < #lines and real_time:now() < deadline do play:loop("run_once", 0.01) end
    for _, seen in ipairs {lines, text_of_file(path)} do
        same(path, text, (seen:gsub(" %- %- %[%d%d/%u%l%l/%d%d%d%d:%d%d:%d%d:%d%d %+0000%]", "")))
    end
    play.logged_lines = nil
end

function verbs.pause_request(play, name)
    play:entity(name).request:pause()
end

function verbs.compress(play, name)
    play:entity(name).request:compress()
end

function verbs.resume_request(play, name)
    play:entity(name).request:resume()
end

function verbs.write_object(play, name, text)
    play:entity(name):write_object(json.decode(text))
end

function verbs.echo(play)
    if play.me.is_web then
        return verbs[play.event == "on_text" and "send_text" or "send_binary"](play, "@", play.data)
    end
    if echoes[play.event] then return play.me[echoes[play.event]](play.me, play.data) end
    if type(play.data) ~= "table" then return verbs.write(play, "@", play.data) end
    verbs.write(play, "@", play.data[1], play.data[2])
end
function verbs.nothing() end
function verbs.stop(play) play.reactor:stop() end
function verbs.drain(play, deadline) play.reactor:drain(deadline) end
function verbs.spin(play, seconds) play.reactor:set_spin(seconds) end

function Play:follow(name, deferred)
    local function on_success(value)
        if getmetatable(value) == tidemill.HttpResponse then value = {value:status(), value:body()} end
        self:seen(name, "on_success", type(value) == "table" and table.concat(value, " ") or value)
    end
    deferred:on_success(on_success):on_failure(function(problem) self:seen(name, "on_failure", problem.code) end)
    self:keep(name, deferred, on_success)
end

function Play:receive(name, from, verb)
    local function call(value) self:seen(name, "received", value) end
    local entity = self:entity(from)
    self:keep(name, entity[verb](entity, call) or call, call)
end

function verbs.deferred(play, name)
    play:follow(name, tidemill.Deferred:new {reactor = play.reactor, canceller = function() play:seen(name, "cancelled") end})
end

function verbs.fail(play, name, code)
    local class = tidemill[code:gsub("^%l", string.upper) .. "Error"]
    play:entity(name):fail(setmetatable({code = code, message = code}, class))
end

-- In another state: they see no local of this one.
local works = {echo = function(text) return text end, ["raise"] = function(text) error(text, 0) end}

function verbs.defer(play, name, work, text) play:follow(name, play.reactor:defer(works[work], {arguments = {text}})) end
-- All that it asks goes to the listener. options: name=whole number, with commas between them.
function verbs.http_client(play, name, listener, proxy, authorization, cookies, options)
    local all = {reactor = play.reactor, connect_to = play:endpoint("@" .. listener), proxy = proxy, tls = context(play, "none"),
        proxy_authorization = authorization, cookies = cookies and play:entity(cookies)}
    for key, value in (options or ""):gmatch("([%w_]+)=(%d+)") do all[key] = tonumber(value) end
    all.decompress = all.decompress and all.decompress == 1
    play.entities[name] = tidemill.HttpClient:new(all)
end
function verbs.fetch(play, name, client, method, url, body, expect)
    local headers = expect == "true" and {Expect = "100-continue"} or nil
    play:follow(name, play:entity(client):request(method, url, {headers = headers, body = body}))
end
function verbs.stream(play, name, client, method, url)
    play.entities[name] = play:entity(client):stream(method, url, Exchange:new(play, name))
end
function verbs.cookie_jar(play, name) play.entities[name] = tidemill.CookieJar:new {reactor = play.reactor} end
function verbs.set_cookie(play, name, url, text) play:entity(name):set(url, text) end
function verbs.resolve(play, name, host) play:follow(name, play.reactor:resolve(host)) end
function verbs.follow(play, name, other) play:follow(name, play:entity(other)) end
function verbs.channel(play, name) play.entities[name] = tidemill.Channel:new {reactor = play.reactor} end
function verbs.queue(play, name) play.entities[name] = tidemill.Queue:new {reactor = play.reactor} end
function verbs.subscribe(play, name, channel) play:receive(name, channel, "subscribe") end
function verbs.pop(play, name, queue) play:receive(name, queue, "pop") end

function verbs.cancel(play, name, answer)
    local answered = play:entity(name):cancel()
    same("cancel " .. name, answer or tostring(answered), answered)
end

function verbs.run(play, raises)
    -- Lua has no thread that could watch: cat ends when the pipe is closed, and if not in time, Ctrl-C is what reaches run().
    local watch = io.popen(("timeout %g cat || kill -INT $PPID"):format(play.limit), "w")
    local is_fine, problem = pcall(play.loop, play, "run")
    watch:close()
    if is_fine then
        same("run", raises or "that it returns", "that it returns")
    elseif tostring(problem):find("interrupted!", 1, true) then
        fail("run did not return")
    elseif not raises or not tostring(problem):find(raises, 1, true) then
        error(problem, 0)
    end
end

function verbs.turn(play, times)
    for _ = 1, times or 1 do play:loop("run_once", 0) end
end

function verbs.advance(play, seconds)
    play.reactor:advance(seconds)
    play:settle()
end

function verbs.error_handler(play, off)
    play.reactor:set_error_handler(not off and function(problem, connection)
        play:seen("reactor", "on_error", tostring(problem), connection)
    end or nil)
end

function verbs.drop(play, name)
    play:entity(name)
    play.entities[name] = nil
    collect()
end

function verbs.gone(play, name)
    play:settle()
    collect()
    same(name, "gone", play.given[name] == nil and "gone" or "alive")
end

local function cookie_text(cookie)
    local marks = (cookie:is_host_only() and "o" or "") .. (cookie:is_secure() and "s" or "") .. (cookie:is_http_only() and "h" or "")
    return ("%s=%s %s%s %d %s"):format(cookie:name(), cookie:value(), cookie:domain(), cookie:path(), cookie:expires() or 0, marks)
end

function verbs.check(play, name, property, value)
    local entity = play:entity(name)
    local seen = entity[property == "local" and "local_" or property]
    if type(seen) == "function" then seen = seen(entity) end
    if property == "cookies" then
        for place, cookie in ipairs(seen) do seen[place] = cookie_text(cookie) end
        seen = table.concat(seen, ", ")
    end
    same(name .. " " .. property, play:endpoint(value), seen)
end

function verbs.counted(play, name, number)
    same(name, tostring(number), play.reactor:metrics()[name])
end

function verbs.fails(play, code, errno, action)
    local is_fine, problem = pcall(play.perform, play, action[1], action[2])
    if is_fine then fail("%s: expected %s, seen that it succeeded", action[1], code) end
    if not tidemill.Error.is(problem) then error(problem, 0) end
    same(action[1], code .. " " .. (errno or problem.errno_name), problem.code .. " " .. problem.errno_name)
end

function verbs.when(play, name, event, action)
    table.insert(play.reactions, {on = name .. " " .. event, line = play.line, verb = action[1], arguments = action[2]})
end

function verbs.ignore(play, name, event)
    play.ignored[name .. " " .. (event or "*")] = true
    for other, lines in pairs(play.trace) do
        for i = #lines, 1, -1 do
            if play:is_ignored(other, lines[i][2]) then table.remove(lines, i) end
        end
    end
end

-- The trace matcher

local function shown(detail)
    if type(detail) == "table" then detail = detail[1] end
    return type(detail) == "string" and ("%q"):format(detail:sub(1, 60)) or ""
end

function verbs.expect(play, nothing, name, line)
    if not nothing then return play:match(name, line[1], line[2]) end
    if nothing == "nothing" then play:settle() end
    for other, lines in pairs(play.trace) do
        if lines[1] then fail("expected nothing, seen %s %s %s", other, lines[1][2], shown(lines[1][3])) end
    end
end

verbs["then"] = function(play, name, line)
    local before = play.matched
    if play:match(name, line[1], line[2]) < before then
        fail("%s %s: expected later than the line before, seen earlier", name, line[1])
    end
end

-- Takes a line from the trace; answers the number of its first part, keeps that of its last in matched.
function Play:match(name, event, arguments)
    if event == "on_data" then return self:match_octets(name, unpack(arguments, 1, 3)) end
    local wanted = arguments[1]
    local number, seen = self:next_line(name, event, wanted)
    self.matched = number
    if type(seen) == "table" then
        local whose = arguments[2] and self:endpoint(arguments[2]) or seen[2]
        if wanted ~= seen[1] or whose ~= seen[2] then
            fail("expected %s %s %s %s, seen %s %s", name, event, shown(wanted), whose, shown(seen[1]), seen[2])
        end
        return number
    end
    if wanted ~= "*" and wanted ~= seen and not (event == "on_error" and seen:find(wanted, 1, true)) then
        fail("expected %s %s %s, seen %s", name, event, shown(wanted), shown(seen))
    end
    return number
end

function Play:match_octets(name, value, total, unit)
    if unit then value = unit:rep(math.ceil(total / #unit)):sub(1, total) end
    local first, taken, count = nil, 0, total or #value
    while taken < count do
        local number, data = self:next_line(name, "on_data", value)
        local piece = data:sub(1, count - taken)
        self.matched, first = number, first or number
        if value and piece ~= value:sub(taken + 1, taken + #piece) then
            fail("expected %s on_data %s, seen at %d %s", name, shown(value), taken, shown(piece))
        end
        taken = taken + #piece
        if #piece < #data then table.insert(self.trace[name], 1, {number, "on_data", data:sub(#piece + 1)}) end
    end
    local after = self:lines(name)[1]
    if total and after and after[2] == "on_data" then fail("expected %s on_data total %d, seen more", name, total) end
    return first
end

function Play:next_line(name, event, detail)
    local deadline = real_time:now() + self.limit
    while #self:lines(name) == 0 do
        if real_time:now() > deadline then fail("expected %s %s %s, seen nothing", name, event, shown(detail)) end
        self:loop("run_once", 0.01)
    end
    local number, seen, what = unpack(table.remove(self.trace[name], 1), 1, 3)
    if seen ~= event then fail("expected %s %s %s, seen %s %s", name, event, shown(detail), seen, shown(what)) end
    return number, what
end

-- -- The play --------------------------------------------------------------------------------------------------------------

-- Nothing if all went well, otherwise where and what went wrong.
return function(scenario, transport, poller, folder)
    local attempt = Play.new(scenario, transport, poller, folder)
    local is_fine, problem = pcall(attempt.run, attempt)
    local line = attempt.line
    attempt = nil
    collect()
    return not is_fine and {line, tostring(problem)} or nil
end

