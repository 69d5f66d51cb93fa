-- Workers: several reactors in several threads, each with a Lua state of its own. They share nothing.
local check = require "tidemill.check"
local core = require "tidemill.core"
local errors = require "tidemill.errors"

local Workers = {__name = "tidemill.Workers"}
Workers.__index = Workers

local function has_upvalues(call)
    for place = 1, math.huge do
        local name = debug.getupvalue(call, place)
        if name == nil then
            return false
        end
        if name ~= "_ENV" then
            return true, name
        end
    end
end

-- A file's name, or a function that is taken apart and put together again: of what surrounds it only globals and modules are there.
local function code_of(setup)
    if type(setup) == "string" then
        return true, setup
    end
    local has, name = has_upvalues(setup)
    if has then
        error(("bad argument #2 to 'new' (the setup uses '%s' from outside, which another state does not have; pass it in arguments)"):format(name), 3)
    end
    return false, string.dump(setup)
end

-- options: deadline, arguments (plain values for the setup)
function Workers:new(count, setup, options)
    check.type(1, "new", count, "number")
    if type(setup) ~= "string" then
        check.type(2, "new", setup, "function")
    end
    options = check.options(3, "new", options, {deadline = "number", arguments = "table"})
    local deadline, arguments = options.deadline or 30, options.arguments or {}
    if count < 0 or count % 1 ~= 0 or not (deadline >= 0) then
        error(errors.describe("argument", "make workers", "", "count and deadline must be 0 or more"), 0)
    end
    local is_file, code = code_of(setup)
    local made = core.workers_new(count, deadline, is_file, code, package.path, package.cpath,
                                  (table.unpack or unpack)(arguments, 1, arguments.n or #arguments))
    return setmetatable({_workers = made}, self)
end

function Workers:count()
    return core.workers_count(self._workers)
end

function Workers:run()
    core.workers_run(self._workers)
end

function Workers:stop()
    core.workers_stop(self._workers)
end

return Workers
