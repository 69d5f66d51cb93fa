-- Chat: the first data is your name, all data goes to everybody.   lua examples/chat/chat.lua --listen tcp://127.0.0.1:8084
local tidemill = require "tidemill"

local everybody = {}
local Chat = tidemill.Connection:extend()

function Chat:on_open()
    everybody[self] = true
    self:write("Please enter your name: ")
end

function Chat:on_data(data)
    self.name = self.name or data:match("^%s*(.-)%s*$")
    for connection in pairs(everybody) do
        if connection:state() == "open" then connection:write(self.name .. " says: " .. data) end
    end
end

function Chat:on_close()
    everybody[self] = nil
end

local function main()
    local endpoint = table.concat(arg, " "):match("%-%-listen[ =](%S+)") or "tcp://127.0.0.1:8084"
    local listener = tidemill.listen(endpoint, Chat)
    print("listening on " .. listener:endpoint())
    io.stdout:flush()
    tidemill.run()
end

local is_done, problem = pcall(main)
if not is_done and not tostring(problem):find("interrupted!", 1, true) then -- that is Ctrl-C
    io.stderr:write(tostring(problem), "\n")
    os.exit(1)
end
