-- Reactor, Listener and Timer over the wrapped core. Functions and open connections are kept in ordinary tables, those of timers and ticks by
-- bindings/lua_reactor.cpp and all others here, and the core knows them by number: so Lua's garbage collector sees every reference, and a
-- reactor that nobody holds goes with all it has.
local check = require "tidemill.check"
local core = require "tidemill.core"
local Deferred = require "tidemill.deferred"
local errors = require "tidemill.errors"
local metrics = require "tidemill.metrics"
local process = require "tidemill.process"
local tls = require "tidemill.tls"

-- What takes the core's place when it is finalised before somebody who still has the reactor, as at the end of a state.
local gone = setmetatable({}, {
    __index = function(_, operation)
        return function()
            error(errors.describe("closed", operation, "", "the reactor is gone, or never was: Reactor:new() makes one"), 0)
        end
    end,
})

local Reactor = {__name = "tidemill.Reactor", _core = gone}
Reactor.__index = Reactor
local Listener = {__name = "tidemill.Listener"}
Listener.__index = Listener
local Timer = {__name = "tidemill.Timer"}
Timer.__index = Timer
local SignalWatch = {__name = "tidemill.SignalWatch"}
SignalWatch.__index = SignalWatch

-- ---- Timer ----

-- Made by call_later and call_every, which are written in bindings/lua_reactor.cpp: a userdata that keeps its reactor alive.

Timer.cancel = core.timer_cancel
Timer.is_active = core.timer_is_active

-- ---- Listener ----

function Listener:endpoint()
    return self._endpoint
end

function Listener:is_open()
    return self._reactor._core:listener_is_open(self._id)
end

function Listener:pause()
    self._reactor._core:listener_pause(self._id)
end

function Listener:resume()
    self._reactor._core:listener_resume(self._id)
end

function Listener:close()
    self._reactor._core:listener_close(self._id)
    self._reactor._factories[self._ticket] = nil
end

function Listener:__tostring()
    return ("tidemill.Listener: %s%s"):format(self._endpoint, self:is_open() and "" or " closed")
end

-- ---- SignalWatch ----

function SignalWatch:name()
    return self._name
end

function SignalWatch:is_open()
    return self._reactor._core:watch_is_open(self._id)
end

function SignalWatch:close()
    self._reactor._core:watch_close(self._id)
end

function SignalWatch:_on_signal(name)
    self._function(name)
end

function SignalWatch:__tostring()
    return ("tidemill.SignalWatch: %s%s"):format(self._name, self:is_open() and "" or " closed")
end

-- ---- Reactor ----

-- Calls action when the object that it gives back is collected. Finalisers run in the reverse order of this.
local function on_collect(action)
    if not newproxy then
        return setmetatable({}, {__gc = action})
    end
    local proxy = newproxy(true)  -- Lua 5.1 finalises no tables
    getmetatable(proxy).__gc = action
    return proxy
end

local function forget_calls(self)
    self._functions = {}    -- by ticket: what the loop calls once: an answer, a delivery, the end of a hold
    self._factories = {}    -- by ticket
end

-- options: poller = "epoll" | "poll", clock = "manual"
function Reactor:new(options)
    options = check.options(1, "new", options, {poller = "string", clock = "string"})
    local reactor = setmetatable({}, self)
    reactor._open = {}       -- connections from listen/connect until on_close has returned; bindings/lua_connection.cpp numbers them
    reactor._objects = {}    -- by ticket: what else has callbacks, such as watches; the core takes it out after its last one
    reactor._last_ticket = 0
    forget_calls(reactor)
    reactor._core = core.tidemill.script.ReactorCore(options.poller or "", options.clock or "")
    reactor._guard = on_collect(function()
        reactor._core, reactor[1] = nil, nil
    end)
    reactor[1] = core.make_door(reactor._core, reactor, reactor._open)   -- [1]: timers and ticks find it there, sooner than under a name
    return reactor
end

-- After a run, however it went.
local function settle(self, succeeded, ...)
    if self._core:take_stopped() then
        forget_calls(self)
        core.forget_calls(self)
    end
    if not succeeded then
        error((...), 0)
    end
    return ...
end

function Reactor:run(setup)
    if setup ~= nil then
        self:next_tick(check.callable(1, "run", setup))
    end
    return settle(self, pcall(self._core.run, self._core, self))
end

function Reactor:run_once(timeout)
    timeout = check.type(1, "run_once", timeout or 0, "number")
    return settle(self, pcall(self._core.run_once, self._core, self, timeout))
end

function Reactor:poll(timeout, budget)
    timeout = check.type(1, "poll", timeout or 0, "number")
    budget = check.type(2, "poll", budget or 0, "number")
    return settle(self, pcall(self._core.poll, self._core, self, timeout, budget))
end

function Reactor:stop()
    self._core:stop()
end

function Reactor:drain(deadline)
    self._core:drain(check.type(1, "drain", deadline or 30, "number"))
end

function Reactor:is_draining()
    return self._core:is_draining()
end

-- ---- what the loop calls ----

function Reactor:_call_timer(ticket)
    local call = self._functions[ticket]
    self._functions[ticket] = nil
    self._callee = self._slow_watch and call   -- for the watch over slow callbacks
    call()
end

function Reactor:_accept(ticket)
    local factory = self._factories[ticket]
    self._callee = self._slow_watch and factory
    return self:_adopt(factory())
end

-- A few instructions, for the hook by which Lua's interpreter announces Ctrl-C.
function Reactor:_pulse()
    return self
end

-- An error that cannot leave run(), because another one already does.
function Reactor:_report(problem)
    io.stderr:write("tidemill: raised as well: ", tostring(problem), "\n")
end

function Reactor:_adopt(connection)
    if not core.is_connection(connection) then
        error("a tidemill.Connection is needed, not " .. type(connection), 0)
    end
    if not core.connection_is_free(connection) then
        error(errors.describe("state", "connect", connection:peer(), "this connection object is in use already"), 0)
    end
    if connection._protocol then
        core.connection_set_protocol(connection, connection:_protocol())
    end
    core.anchor(self._open, connection)
    connection._reactor = self
    return connection
end

-- begin: a call of the core that gives the connection object its stream; if it fails the object is free again.
function Reactor:_start(connection, begin)
    self:_adopt(connection)
    local succeeded, problem = pcall(begin, connection)
    if not succeeded then
        core.release(self._open, connection)
        error(problem, 0)
    end
    return connection
end

-- ---- calls in the future ----

-- Written in bindings/lua_reactor.cpp, with what waits for them.
Reactor.next_tick = core.make_next_tick(check.callable)

-- A Lua state is never in two threads at once, and run() is in it all the time: no other thread can come here while the loop sleeps.
-- A host's other threads post in C++.
function Reactor:post(call)
    self:next_tick(check.callable(1, "post", call))
end

local function new_ticket(self)
    self._last_ticket = self._last_ticket + 1
    return self._last_ticket
end

Reactor.call_later, Reactor.call_every = core.make_timers(function(name, seconds, call)
    check.type(1, name, seconds, "number")
    check.callable(2, name, call)
end, Timer)

-- ---- what comes later ----

-- A tick that a stop does not drop.
function Reactor:_deliver(call)
    local ticket = new_ticket(self)
    self._core:deliver(ticket)
    self._functions[ticket] = call
end

-- Keeps run() running until _release; a stop calls call instead.
function Reactor:_hold_on(call)
    local ticket = new_ticket(self)
    local hold = {self._core:hold(ticket), ticket}
    self._functions[ticket] = call
    return hold
end

function Reactor:_release(hold)
    self._core:release(hold[1])
    self._functions[hold[2]] = nil
end

-- Has deferred settled by what `take` gives when ticket is called.
local function settle_by(self, ticket, deferred, take)
    self._functions[ticket] = function()
        local succeeded, value = pcall(take, self._core)
        if succeeded then
            deferred:succeed(value)
        else
            deferred:fail(value)
        end
    end
end

-- options: done, arguments. work: a Lua function without upvalues; it runs in a state of its own.
function Reactor:defer(work, options)
    check.type(1, "defer", work, "function")
    options = check.options(2, "defer", options, {done = "function", arguments = "table"})
    self._core:check_going("defer")
    local ticket, job = new_ticket(self), nil
    local deferred = Deferred:new {reactor = self, canceller = function()
        self._core:cancel_job(job)
        self._functions[ticket] = nil
    end}
    job = core.defer(self._core, ticket, work, options.arguments or {})
    settle_by(self, ticket, deferred, core.take_result)
    return options.done and deferred:on_success(options.done) or deferred
end

function Reactor:threads()
    return self._core:threads()
end

function Reactor:set_threads(count)
    self._core:set_threads(check.type(1, "set_threads", count, "number"))
end

local function take_addresses(reactor_core)
    local addresses = {}
    for address in reactor_core:take_answer():gmatch("[^\n]+") do
        table.insert(addresses, address)
    end
    return addresses
end

function Reactor:resolve(host)
    check.type(1, "resolve", host, "string")
    local ticket = new_ticket(self)
    local deferred = Deferred:new {reactor = self, canceller = function()
        self._core:resolve_cancel(ticket)
        self._functions[ticket] = nil
    end}
    self._core:resolve(host, ticket)
    settle_by(self, ticket, deferred, take_addresses)
    return deferred
end

-- ---- streams ----

-- factory: a connection class, or a function that makes a connection. options: backlog, mode, reuse_port, max_connections, tls.
function Reactor:listen(endpoint, factory, options)
    check.type(1, "listen", endpoint, "string")
    factory = check.factory(2, "listen", factory)
    options = check.options(3, "listen", options, {backlog = "number", mode = "number", reuse_port = "boolean", max_connections = "number", tls = "table"})
    local ticket = new_ticket(self)
    local id = self._core:listen(endpoint, ticket, options.backlog or 1024, options.mode or -1, options.reuse_port or false,
                                 options.max_connections or 0, tls.core_of(options.tls))
    self._factories[ticket] = factory
    return setmetatable({_reactor = self, _ticket = ticket, _id = id, _endpoint = self._core:listener_endpoint(id)}, Listener)
end

-- handler: a connection, a connection class, or a function that makes a connection. options: connect_timeout, tls,
-- server_name.
function Reactor:connect(endpoint, handler, options)
    check.type(1, "connect", endpoint, "string")
    local is_made = core.is_connection(handler)
    local factory = not is_made and check.factory(2, "connect", handler)
    options = check.options(3, "connect", options, {connect_timeout = "number", tls = "table", server_name = "string"})
    return self:_start(is_made and handler or factory(), function(connection)
        self._core:connect(endpoint, connection, options.connect_timeout or 30, tls.core_of(options.tls), options.server_name or "")
    end)
end

-- ---- other things that happen ----

-- add: a method of the core that takes the arguments and then the object's ticket, and answers its number there.
local function add_object(self, made, add, ...)
    local ticket = new_ticket(self)
    made._reactor = self
    self._objects[ticket] = made
    local arguments, count = {...}, select("#", ...)
    arguments[count + 1] = ticket
    local succeeded, answer = pcall(add, self._core, (table.unpack or unpack)(arguments, 1, count + 1))
    if not succeeded then
        self._objects[ticket] = nil
        error(answer, 0)
    end
    made._id = answer
    return made
end
Reactor._add_object = add_object

local datagram_options = {
    connect_to = "string", reuse_address = "boolean", reuse_port = "boolean", receive_buffer = "number", send_buffer = "number", mode = "number"}

-- handler: a datagram object, a class of them, or a function that makes one. options: see above.
function Reactor:open_datagram(endpoint, handler, options)
    check.type(1, "open_datagram", endpoint, "string")
    local is_made = type(handler) == "table" and rawget(handler, "_id") ~= nil
    local factory = not is_made and check.factory(2, "open_datagram", handler)
    options = check.options(3, "open_datagram", options, datagram_options)
    local made = is_made and handler or factory()
    if type(made) ~= "table" or rawget(made, "_id") == nil or made.on_lost == nil then
        error("a tidemill.Datagram is needed, not " .. type(made), 0)
    end
    local state = made:state()
    if state ~= "new" and state ~= "closed" then
        error(errors.describe("state", "open_datagram", made:local_(), "this datagram object is in use already"), 0)
    end
    return add_object(self, made, core.open_datagram, endpoint, options.connect_to or "", options.reuse_address or false,
        options.reuse_port or false, options.receive_buffer or 0, options.send_buffer or 0, options.mode or -1)
end

function Reactor:on_signal(name, call)
    check.type(1, "on_signal", name, "string")
    check.callable(2, "on_signal", call)
    return add_object(self, setmetatable({_name = name, _function = call}, SignalWatch), self._core.on_signal, name)
end

function Reactor:watch_file(path, call)
    check.type(1, "watch_file", path, "string")
    check.callable(2, "watch_file", call)
    return add_object(self, setmetatable({_path = path, _function = call}, process.FileWatch), core.watch_file, path)
end

function Reactor:watch_process(pid, call)
    check.type(1, "watch_process", pid, "number")
    check.callable(2, "watch_process", call)
    return add_object(self, setmetatable({_pid = pid, _function = call}, process.ProcessWatch), core.watch_process, pid)
end

-- options: on_readable, on_writable; one of them or both.
function Reactor:watch_fd(fd, options)
    check.type(1, "watch_fd", fd, "number")
    options = check.options(2, "watch_fd", options, {on_readable = "function", on_writable = "function"})
    local made = setmetatable({_fd = fd, _readable = options.on_readable, _writable = options.on_writable}, process.FdWatch)
    return add_object(self, made, core.watch_fd, fd, options.on_readable ~= nil, options.on_writable ~= nil)
end

-- ---- processes and the standard input ----

local spawn_options = {cwd = "string", environment = "table", stdin = "string", stdout = "string", stderr = "string", shell = "boolean",
    kill_on_stop = "string"}

-- argv: a list, or with the option shell one string. handler: a process object, a class, or a function that makes one.
function Reactor:spawn(argv, handler, options)
    options = check.options(3, "spawn", options, spawn_options)
    check.type(1, "spawn", argv, options.shell and "string" or "table")
    local is_made = type(handler) == "table" and rawget(handler, "_id") ~= nil
    local made = is_made and handler or check.factory(2, "spawn", handler)()
    if type(made) ~= "table" or made.close_stdin == nil then
        error("a tidemill.Process is needed, not " .. type(made), 0)
    end
    if made._id ~= 0 and core.process_is_there(made._reactor._core, made._id) then
        error(errors.describe("state", "spawn", "", "this process object is in use already"), 0)
    end
    local words, variables = options.shell and {argv} or argv, {}
    for name, value in pairs(options.environment or {}) do
        variables[#variables + 1] = name .. "=" .. value
    end
    local streams = ("%s %s %s"):format(options.stdin or "pipe", options.stdout or "pipe", options.stderr or "inherit")
    add_object(self, made, core.spawn_process, table.concat(words, "\0"), #words, options.cwd or "", table.concat(variables, "\0"),
        options.environment and #variables or -1, streams, options.shell or false, options.kill_on_stop or "")
    made._pid = core.process_pid(self._core, made._id)
    return made
end

-- options: raw.
function Reactor:open_input(handler, options)
    local is_made = core.is_connection(handler)
    local factory = not is_made and check.factory(1, "open_input", handler)
    options = check.options(2, "open_input", options, {raw = "boolean"})
    local connection = self:_adopt(is_made and handler or factory())
    local succeeded, problem = pcall(core.open_input, self._core, connection, options.raw or false)
    if not succeeded then
        core.release(self._open, connection)
        error(problem, 0)
    end
    return connection
end

-- ---- the rest ----

function Reactor:set_error_handler(call)
    if call ~= nil then
        check.callable(1, "set_error_handler", call)
    end
    self._error_handler = call
end

function Reactor:set_spin(seconds)
    check.type(1, "set_spin", seconds, "number")
    self._core:set_spin(seconds)
end

function Reactor:set_slow_callback(seconds, call)
    check.type(1, "set_slow_callback", seconds, "number")
    if call ~= nil then
        check.callable(2, "set_slow_callback", call)
    end
    local ticket = new_ticket(self)
    self._core:set_slow_callback(seconds, ticket)
    if self._slow_watch then
        self._objects[self._slow_watch] = nil
    end
    self._slow_watch, self._callee = seconds > 0 and ticket or nil, nil
    if seconds > 0 then
        self._objects[ticket] = setmetatable({_reactor = self, _report = call}, metrics.SlowWatch)
    end
end

function Reactor:metrics()
    return metrics.parse(self._core:metrics())
end

function Reactor:prometheus()
    return self._core:prometheus()
end

function Reactor:fd()
    return self._core:fd()
end

function Reactor:now()
    return self._core:now()
end

function Reactor:advance(seconds)
    self._core:advance(check.type(1, "advance", seconds, "number"))
end

function Reactor:poller()
    return self._core:poller()
end

function Reactor:is_running()
    return self._core:is_running()
end

return {Reactor = Reactor, Listener = Listener, SignalWatch = SignalWatch, Timer = Timer}
