-- Fetches a URL: the body goes to the standard output or into a file, how far it is to stderr.   lua examples/http/fetch.lua URL [--output FILE]
--
--     --authorities FILE    who may sign the server's certificate, instead of the system's trust store
--
-- The exit code is 0 for an answer below 400, 1 for another answer, 2 if there was none.
local tidemill = require "tidemill"

local Download = tidemill.HttpExchange:extend()

function Download:init(output)
    self.output, self.done, self.told, self.code = output, 0, 0, 2
end

function Download:on_response(response)
    self.code = response:status() < 400 and 0 or 1
    self.length = response:header("content-length")
    if self.code == 1 then
        io.stderr:write(("%s: %d %s\n"):format(response:url(), response:status(), response:reason()))
    end
end

function Download:on_body(data)
    self.output:write(data)
    self.done = self.done + #data
    if self.done - self.told >= 1024 * 1024 then
        self.told = self.done
        io.stderr:write(self.done, " octets", self.length and " of " .. self.length or "", "\n")
    end
end

function Download:on_failure(problem)
    self.code = 2
    io.stderr:write(tostring(problem), "\n")
end

local options = {}
local place = 1
while arg[place] do
    local name = arg[place]:match("^%-%-(%a+)$")
    if name then
        place = place + 1
        options[name] = arg[place]
    else
        options.url = arg[place]
    end
    place = place + 1
end

local output = options.output and assert(io.open(options.output, "wb")) or io.stdout
local download = Download:new(output)
local is_done, problem = pcall(function()
    local context = tidemill.TlsContext:new {authorities = options.authorities or ""}
    local client = tidemill.HttpClient:new {tls = context, response_timeout = 20}
    client:stream("GET", options.url or "", download)
    tidemill.run()
end)
if not is_done then
    io.stderr:write(tostring(problem), "\n")
    os.exit(2)
end
output:flush()
os.exit(download.code)
