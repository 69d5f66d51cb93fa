-- Processes, watches and the standard input from Lua.
package.path = arg[0]:match("^(.*/)") .. "?.lua;" .. package.path
local test = require "support"
local tidemill = require "tidemill"

local equal, has = test.equal, test.has

local Child = tidemill.Process:extend()
function Child:init() self.out, self.err = "", "" end
function Child:on_stdout(data) self.out = self.out .. data end
function Child:on_stderr(data) self.err = self.err .. data end
function Child:on_exit(code, signal) self.code, self.signal, self.is_over = code, signal, true end

test("streams_and_codes", function()
    local reactor = tidemill.Reactor:new()
    local child = reactor:spawn({"sh", "-c", "cat; echo err >&2; exit 3"}, Child, {stderr = "pipe"})
    equal(child:is_running(), true)
    assert(child:pid() > 0)
    equal(child:write("a\0b"), true)
    child:close_stdin()
    reactor:run()
    equal(child.out, "a\0b")
    equal(child.err, "err\n")
    equal(child.code, 3)
    equal(child.signal, nil)
    equal(child:is_running(), false)
    equal(child:kill(), false)
    equal(test.raised(child.write, child, "x").code, "closed")
end)

test("signals_objects_and_functions", function()
    local reactor = tidemill.Reactor:new()
    local child = reactor:spawn({"sleep", "1000"}, function() return Child:new() end)
    equal(test.raised(child.kill, child, "NONSENSE").code, "argument")
    equal(test.raised(reactor.spawn, reactor, {"true"}, child).code, "state")
    equal(child:kill("KILL"), true)
    reactor:run()
    equal(child.code, nil)
    equal(child.signal, "KILL")
    equal(reactor:spawn({"true"}, child), child)
    reactor:run()
    equal(child.code, 0)
end)

test("what_cannot_be_started", function()
    local reactor = tidemill.Reactor:new()
    equal(test.raised(reactor.spawn, reactor, {"/nonexistent"}, Child).errno_name, "ENOENT")
    equal(test.raised(reactor.spawn, reactor, {"a\0b"}, Child).code, "argument")
    equal(test.raised(reactor.spawn, reactor, {}, Child).code, "argument")
    equal(test.raised(reactor.spawn, reactor, {"true"}, Child, {stdin = "nonsense"}).code, "argument")
    has(test.raised(reactor.spawn, reactor, "true", Child), "bad argument #1 to 'spawn'")
    equal(test.raised(Child.write, Child:new(), "x").code, "state")
end)

test("environment_directory_and_shell", function()
    local reactor = tidemill.Reactor:new()
    local child = reactor:spawn("echo $A; pwd; echo two >&2", Child, {shell = true, environment = {A = "1 2"}, cwd = "/proc", stderr = "stdout"})
    reactor:run()
    equal(child.out, "1 2\n/proc\ntwo\n")
end)

test("stop_while_it_runs", function()
    local reactor = tidemill.Reactor:new()
    local child = reactor:spawn({"sleep", "1000"}, Child, {kill_on_stop = "KILL"})
    reactor:next_tick(function() reactor:stop() end)
    reactor:run()
    equal(child.is_over, true)
    equal(child.code or child.signal, nil)
end)

test("files_and_processes", function()
    local reactor = tidemill.Reactor:new()
    local path, seen = os.tmpname(), {}
    local watch = reactor:watch_file(path, function(event, name) seen[#seen + 1] = event .. name end)
    equal(watch:path(), path)
    os.remove(path)
    reactor:run()
    equal(table.concat(seen, " "), "deleted")
    equal(watch:is_open(), false)
    equal(test.raised(reactor.watch_file, reactor, path, print).errno_name, "ENOENT")
    local child = reactor:spawn({"cat"}, Child)
    local ended
    reactor:watch_process(child:pid(), function(pid) ended = pid end)
    child:close_stdin()
    reactor:run()
    equal(ended, child:pid())
end)

test("descriptors", function()
    local reactor = tidemill.Reactor:new()
    local other = tidemill.Reactor:new({poller = "epoll"})   -- its descriptor is readable when it has something to do
    local calls, watch = 0
    watch = reactor:watch_fd(other:fd(), {on_readable = function()
        calls = calls + 1
        if calls == 3 then watch:close() end
    end})
    other:call_later(0, function() end)
    reactor:run()
    equal(calls, 3)
    equal(watch:is_open(), false)
    equal(test.raised(reactor.watch_fd, reactor, 0).code, "argument")
end)

test.finish()
