-- Echo: every octet comes back.   lua examples/echo/echo.lua --listen tcp://127.0.0.1:8080
local tidemill = require "tidemill"

local Echo = tidemill.Connection:extend()

function Echo:on_data(data)
    self:write(data)
end

local function main()
    local endpoint = table.concat(arg, " "):match("%-%-listen[ =](%S+)") or "tcp://127.0.0.1:8080"
    local listener = tidemill.listen(endpoint, Echo)
    print("listening on " .. listener:endpoint())
    io.stdout:flush()
    tidemill.run()
end

local is_done, problem = pcall(main)
if not is_done and not tostring(problem):find("interrupted!", 1, true) then -- that is Ctrl-C
    io.stderr:write(tostring(problem), "\n")
    os.exit(1)
end
