-- Process: what users extend for child processes, as they extend Connection. FileWatch, ProcessWatch and FdWatch are made by the reactor.
--
--     local Child = tidemill.Process:extend()
--     function Child:on_stdout(data) ... end
--
-- An instance is a table with its class as metatable; _id is the core's number for its other half, 0 before it is started.
local Connection = require "tidemill.connection"
local core = require "tidemill.core"
local errors = require "tidemill.errors"

local Process = {__name = "tidemill.Process", extend = Connection.extend}
Process.__index = Process

function Process:new(...)
    local process = setmetatable({_id = 0, _pid = 0}, self)
    local init = process.init
    if init ~= nil then
        init(process, ...)
    end
    return process
end

local function ignore()
end

Process.on_stdout = ignore
Process.on_stderr = ignore
Process.on_drain = ignore
Process.on_exit = ignore

local function core_of(self, operation)
    if self._id == 0 then
        error(errors.describe("state", operation, "", "the process has not been started; spawn does that"), 0)
    end
    return self._reactor._core
end

function Process:write(data)
    return core.process_write(core_of(self, "write"), self._id, data)
end

function Process:kill(signal)
    return core.process_kill(core_of(self, "kill"), self._id, signal or "TERM")
end

for _, name in ipairs {"close_stdin", "pause", "resume"} do
    local call = core["process_" .. name]
    Process[name] = function(self)
        call(core_of(self, name), self._id)
    end
end

function Process:pid()
    return self._pid
end

function Process:is_running()
    return self._id ~= 0 and core.process_is_running(self._reactor._core, self._id)
end

function Process:pending()
    return self._id == 0 and 0 or core.process_pending(self._reactor._core, self._id)
end

function Process:reactor()
    return self._reactor
end

function Process:__tostring()
    return ("tidemill.Process: %d%s"):format(self._pid, self:is_running() and " running" or "")
end

-- A class of watches that shows what is under that key.
local function watch_class(name, key)
    local class = {__name = "tidemill." .. name}
    class.__index = class

    function class:is_open()
        return self._reactor._core:watch_is_open(self._id)
    end

    function class:close()
        self._reactor._core:watch_close(self._id)
    end

    class[key] = function(self)
        return self["_" .. key]
    end

    function class:__tostring()
        return ("tidemill.%s: %s%s"):format(name, self["_" .. key], self:is_open() and "" or " closed")
    end

    return class
end

local FileWatch = watch_class("FileWatch", "path")

function FileWatch:_on_file(event, name)
    self._function(event, name)
end

local ProcessWatch = watch_class("ProcessWatch", "pid")

function ProcessWatch:_on_ended(pid)
    self._function(pid)
end

local FdWatch = watch_class("FdWatch", "fd")

function FdWatch:set_readable(is_on)
    core.fd_watch_set_readable(self._reactor._core, self._id, is_on and true or false)
end

function FdWatch:set_writable(is_on)
    core.fd_watch_set_writable(self._reactor._core, self._id, is_on and true or false)
end

function FdWatch:_on_readable()
    self._readable()
end

function FdWatch:_on_writable()
    self._writable()
end

return {Process = Process, FileWatch = FileWatch, ProcessWatch = ProcessWatch, FdWatch = FdWatch}
