-- What metrics() and set_slow_callback() need: the core's text as a table, and where a callback was defined.
local core = require "tidemill.core"

local metrics = {}

-- Counters and gauges by name; a histogram is a table of count, sum and buckets, which are pairs {limit, how many are not above it}.
function metrics.parse(text)
    local found = {}
    for name, value, rest in text:gmatch("(%S+) (%S+)([^\n]*)\n") do
        found[name] = tonumber(value)
        local sum = rest:match("^ (%S+)")
        if sum then
            found[name] = {count = tonumber(value), sum = tonumber(sum), buckets = {}}
            for limit, below in rest:gmatch("([^ =]+)=(%d+)") do
                table.insert(found[name].buckets, {limit == "inf" and math.huge or tonumber(limit), tonumber(below)})
            end
        end
    end
    return found
end

local function place(call)
    local metatable = type(call) ~= "function" and getmetatable(call)
    call = metatable and metatable.__call or call
    local found = type(call) == "function" and debug and debug.getinfo(call, "S")
    if not found or found.what == "C" then
        return "", 0
    end
    return found.short_src, found.linedefined
end

local function connection_under(open, id)
    for _, one in pairs(open) do
        if id ~= 0 and core.is_connection(one) and one:id() == id then
            return one
        end
    end
end

-- SlowWatch is told by the core: first _locate, as long as the callback can be found, then _on_slow.
local SlowCallback = {__name = "tidemill.SlowCallback", language = "", name = "", file = "", line = 0, seconds = 0}
SlowCallback.__index = SlowCallback
metrics.SlowCallback = SlowCallback

local SlowWatch = {}
SlowWatch.__index = SlowWatch
metrics.SlowWatch = SlowWatch

function SlowWatch:_locate(what, connection, ticket)
    local reactor = self._reactor
    local whose = reactor._objects[ticket] or connection_under(reactor._open, connection)
    local class = whose and (getmetatable(whose) or {}).__name or "Connection"
    local is_method = whose and not rawget(whose, "_function")
    local file, line = place(is_method and whose[what] or whose and whose._function or reactor._callee)
    self._found = {language = "Lua", name = is_method and class .. "." .. what or whose and class or what, file = file, line = line}
    reactor._callee = nil
end

function SlowWatch:_on_slow(language, name, seconds)
    local report = language ~= "" and {language = language, name = name, file = "", line = 0} or self._found
    report.seconds = seconds
    setmetatable(report, SlowCallback)
    if self._report then
        return self._report(report)
    end
    local where = report.file ~= "" and (" (%s:%d)"):format(report.file, report.line) or ""
    io.stderr:write(("tidemill: slow callback: %s %s%s took %.6f s\n"):format(report.language, report.name, where, seconds))
end

return metrics
