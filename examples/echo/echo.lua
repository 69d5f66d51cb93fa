-- Echo: every octet comes back.   lua examples/echo/echo.lua --listen tcp://127.0.0.1:8080
--
-- As many --listen as you like; tls:// needs --certificate FILE and --key FILE. --idle SECONDS lets go of whoever is silent for so long.
local tidemill = require "tidemill"

local options = {idle = 0}
local endpoints = {}

local Echo = tidemill.Connection:extend()

function Echo:on_open()
    self:set_idle_timeout(options.idle)
end

function Echo:on_data(data)
    self:write(data)
end

local function read_options()
    for name, value in table.concat(arg, " "):gmatch("%-%-(%a+)[ =](%S+)") do
        if name == "listen" then table.insert(endpoints, value) else options[name] = tonumber(value) or value end
    end
    if #endpoints == 0 then endpoints = {"tcp://127.0.0.1:8080"} end
end

local function main()
    read_options()
    local context = options.certificate and tidemill.TlsContext:new {certificate = options.certificate, private_key = options.key}
    for _, endpoint in ipairs(endpoints) do
        local listener = tidemill.listen(endpoint, Echo, {tls = endpoint:match("^tls:") and context})
        print("listening on " .. listener:endpoint())
    end
    io.stdout:flush()
    tidemill.run()
end

local is_done, problem = pcall(main)
if not is_done and not tostring(problem):find("interrupted!", 1, true) then -- that is Ctrl-C
    io.stderr:write(tostring(problem), "\n")
    os.exit(1)
end
