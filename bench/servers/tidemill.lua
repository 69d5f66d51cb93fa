-- tidemill's server in Lua: tidemill.lua --case echo|lines|chat|http|websocket --listen ENDPOINT [--spin SECONDS]
local tidemill = require "tidemill"

local Echo = tidemill.Connection:extend()

function Echo:on_data(data)
    self:write(data)
end

-- Calls on_line for every line with its end; the beginning of the next one waits.
local function cut(self, data)
    if self.part then data = self.part .. data end
    local begin, find, sub = 1, string.find, string.sub
    while true do
        local last = find(data, "\n", begin, true)
        if not last then break end
        self:on_line(sub(data, begin, last))
        begin = last + 1
    end
    self.part = begin <= #data and sub(data, begin) or nil
end

-- LuaJIT compiles the cutting and is faster by itself; Lua 5.4 is with the core's.
local Lines = (jit and tidemill.Connection or tidemill.LineConnection):extend()
if jit then
    Lines.on_data = cut

    function Lines:on_line(line)
        self:write(line)
    end
else
    Lines.line_ending = "lf"

    function Lines:on_lines(lines)
        for i = 1, #lines do self:write_line(lines[i]) end
    end
end

local everybody = {}
local Chat = tidemill.Connection:extend()
Chat.on_data = cut

function Chat:on_open()
    self.place = #everybody + 1
    everybody[self.place] = self
end

function Chat:on_line(line)
    for i = 1, #everybody do everybody[i]:write(line) end
end

function Chat:on_close()
    local last = table.remove(everybody)
    if last ~= self then
        everybody[self.place], last.place = last, self.place
    end
end

local Hello = tidemill.HttpConnection:extend()
local headers = {["content-type"] = "text/plain"}

function Hello:on_request(request)
    request:respond(200, headers, "hello, world")
end

local Frames = tidemill.WebSocketConnection:extend()
Frames.compresses = false

function Frames:on_binary(data)
    self:send_binary(data)
end

local options = {}
for i = 1, #arg, 2 do options[arg[i]] = arg[i + 1] end
local classes = { echo = Echo, lines = Lines, chat = Chat, http = Hello, websocket = Frames }
local listener = tidemill.listen(options["--listen"], classes[options["--case"]])
print("listening on " .. listener:endpoint())
io.stdout:flush()
tidemill.default_reactor():set_spin(tonumber(options["--spin"] or 0))
tidemill.run()
