-- What runs in the state of a worker (bindings/lua_workers.cpp): makes its reactor, lets the setup fill it, runs it.
local tidemill = require "tidemill"

local load_text = loadstring or load

local function work(is_file, code, index, ...)
    local setup, problem = (is_file and loadfile or load_text)(code, not is_file and "=setup" or nil)
    if not setup then
        error(problem, 0)
    end
    local reactor = tidemill.default_reactor()
    reactor._core:attach_to_worker()
    setup(reactor, index, ...)
    reactor:run()
end

-- Text is all that another state understands of an error.
local function describe(problem)
    return type(problem) == "string" and debug.traceback(problem, 2) or tostring(problem)
end

return function(...)
    local arguments, count = {...}, select("#", ...)
    local succeeded, problem = xpcall(function()
        return work((table.unpack or unpack)(arguments, 1, count))
    end, describe)
    if not succeeded then
        error(problem, 0)
    end
end
