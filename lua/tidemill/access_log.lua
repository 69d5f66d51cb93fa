-- AccessLog: a file of what was served, which the core writes.
local check = require "tidemill.check"
local core = require "tidemill.core"

local AccessLog = {__name = "tidemill.AccessLog"}
AccessLog.__index = AccessLog

function AccessLog:new(path)
    return setmetatable({_core = core.tidemill.script.AccessLogCore(check.type(1, "new", path, "string"))}, self)
end

function AccessLog:add(request, status, octets)
    return self._core:add(request._connection, request._number, status, octets)
end

function AccessLog:reopen()
    self._core:reopen()
end

function AccessLog:close()
    self._core:close()
end

return AccessLog
