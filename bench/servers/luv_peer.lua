-- luv's servers.   lua5.4|luajit luv_peer.lua --case echo|lines|chat --listen ENDPOINT
--
-- try_write before write: it makes no request object, and hands back what the system does not take at once, or what has to wait
-- behind earlier octets.
package.path = arg[0]:match("^.*/") .. "?.lua;" .. package.path
local peer = require "peer"
local uv = require "luv"

local function send(client, octets)
  local sent = client:try_write(octets)
  if sent == #octets then return end
  if not client:is_closing() then client:write(sent and octets:sub(sent + 1) or octets) end
end

-- For each case: given a client, a function that takes what it received, and perhaps one that learns of its end.
local cases = {}

function cases.echo(client)
  return function(octets) send(client, octets) end
end

function cases.lines(client)
  return peer.new_cutter(function(line) send(client, line) end)
end

local everybody = {}

function cases.chat(client)
  everybody[client] = true
  local function on_line(line)
    for other in pairs(everybody) do send(other, line) end
  end
  return peer.new_cutter(on_line), function() everybody[client] = nil end
end

local case, endpoint = peer.arguments()
local open = cases[case]
local server = endpoint.path and uv.new_pipe(false) or uv.new_tcp()

local function on_connection(problem)
  assert(not problem, problem)
  local client = endpoint.path and uv.new_pipe(false) or uv.new_tcp()
  server:accept(client)
  if not endpoint.path then client:nodelay(true) end
  local on_data, on_end = open(client)
  client:read_start(function(failure, octets)
    if octets and not failure then return on_data(octets) end
    if on_end then on_end() end
    client:close()
  end)
end

assert(server:bind(endpoint.path or endpoint.host, endpoint.port))
assert(server:listen(peer.backlog, on_connection))
if not endpoint.path then endpoint.port = server:getsockname().port end
uv.new_signal():start("sigpipe") -- the error of the write is enough
uv.new_signal():start("sigterm", function() uv.stop() end)
peer.announce(endpoint)
uv.run()
os.exit(0, false)
