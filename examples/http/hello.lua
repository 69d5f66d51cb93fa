-- HTTP: GET / says hello, POST /echo sends the body back as it comes.   lua examples/http/hello.lua --listen tcp://127.0.0.1:8080
--
--     curl http://127.0.0.1:8080/        curl -T some-file -X POST http://127.0.0.1:8080/echo
local tidemill = require "tidemill"

local Hello = tidemill.HttpConnection:extend()

function Hello:on_request(request)
    if request:method() == "POST" and request:path() == "/echo" then
        request:start(200, {["content-type"] = "application/octet-stream"})
    elseif request:path() == "/" then
        request:respond(200, {["content-type"] = "text/plain"}, "hello\n")
    else
        request:respond(404, {["content-type"] = "text/plain"}, "not found\n")
    end
end

-- Of a client that does not read its echo nothing more is read.
function Hello:on_body(request, data)
    if not request:write(data) then
        request:pause()
    end
end

function Hello:on_response_drain(request)
    request:resume()
end

function Hello:on_body_end(request)
    request:finish()
end

local function main()
    local endpoint = table.concat(arg, " "):match("%-%-listen[ =](%S+)") or "tcp://127.0.0.1:8080"
    local listener = tidemill.listen(endpoint, Hello)
    print("listening on " .. listener:endpoint())
    io.stdout:flush()
    tidemill.run()
end

local is_done, problem = pcall(main)
if not is_done and not tostring(problem):find("interrupted!", 1, true) then -- that is Ctrl-C
    io.stderr:write(tostring(problem), "\n")
    os.exit(1)
end
