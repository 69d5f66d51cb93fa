-- A chat in the browser: GET / is the page, /chat its WebSocket. The first message is your name, every other goes to everybody.
--
--     lua examples/websocket/chat.lua --listen tcp://127.0.0.1:8080        then open http://127.0.0.1:8080/
local tidemill = require "tidemill"

local file = assert(io.open((arg[0]:match("^(.*/)") or "") .. "chat.html", "rb"))
local page = file:read "*a"
file:close()

local everybody = {}

local Chat = tidemill.WebSocketConnection:extend()
Chat.max_message = 4096

function Chat:on_open()
    everybody[self] = true
end

function Chat:on_text(text)
    local line = self.name and self.name .. ": " .. text
    if not line then
        self.name = text:match("^%s*(.-)%s*$")
        line = self.name .. " is here"
    end
    for one in pairs(everybody) do
        pcall(one.send_text, one, line)   -- it fails for one that is about to go
    end
end

function Chat:on_close()
    everybody[self] = nil
end

local Site = tidemill.HttpConnection:extend()

-- A page of somebody else's must not talk here in its visitor's name.
local function is_own_page(request)
    local origin = request:header "origin"
    return origin == nil or origin:match("://(.*)$") == request:header "host"
end

function Site:on_request(request)
    if request:path() == "/chat" and is_own_page(request) then
        request:upgrade(Chat)
    elseif request:path() == "/chat" then
        request:respond(403, {["content-type"] = "text/plain"}, "this chat is for its own page\n")
    elseif request:path() == "/" then
        request:respond(200, {["content-type"] = "text/html; charset=utf-8"}, page)
    else
        request:respond(404, {["content-type"] = "text/plain"}, "not found\n")
    end
end

local function main()
    local endpoint = table.concat(arg, " "):match("%-%-listen[ =](%S+)") or "tcp://127.0.0.1:8080"
    local listener = tidemill.listen(endpoint, Site)
    print("listening on " .. listener:endpoint())
    io.stdout:flush()
    tidemill.run()
end

local is_done, problem = pcall(main)
if not is_done and not tostring(problem):find("interrupted!", 1, true) then -- that is Ctrl-C
    io.stderr:write(tostring(problem), "\n")
    os.exit(1)
end
