-- cqueues' servers: a coroutine for each connection.   lua5.4|luajit cqueues_peer.lua --case echo|lines|chat --listen ENDPOINT
--
-- Its sockets gather output like files: with full buffering a line costs no system call. Each read flushes first, therefore the
-- lines are cut by hand out of what one read brings.
package.path = arg[0]:match("^.*/") .. "?.lua;" .. package.path
local peer = require "peer"
local cqueues = require "cqueues"
local condition = require "cqueues.condition"
local socket = require "cqueues.socket"

local RECEIVE_SIZE = 65536

local loop = cqueues.new()

local cases = {}

function cases.echo(client)
  client:setmode("bn", "bn")
  client:setbufsiz(RECEIVE_SIZE, RECEIVE_SIZE)
  for octets in client:lines(-RECEIVE_SIZE) do client:write(octets) end
end

function cases.lines(client)
  client:setmode("bn", "bf")
  client:setbufsiz(RECEIVE_SIZE, RECEIVE_SIZE)
  local take = peer.new_cutter(function(line) client:write(line) end)
  for octets in client:lines(-RECEIVE_SIZE) do take(octets) end
end

local everybody = {}

-- Sends what is put into the outbox. One coroutine for each member: nobody waits for a slow one.
local function send_all(client, outbox)
  while everybody[client] do
    if not outbox[1] then outbox.filled:wait() end
    local octets = table.concat(outbox)
    for index = #outbox, 1, -1 do outbox[index] = nil end
    if not client:write(octets) then break end
  end
  outbox.has_ended = true
  outbox.ended:signal()
end

function cases.chat(client)
  client:setmode("b", "bn")
  local outbox = { filled = condition.new(), ended = condition.new() }
  everybody[client] = outbox
  loop:wrap(function() send_all(client, outbox) end)
  for line in client:lines("*L") do
    for _, other in pairs(everybody) do
      other[#other + 1] = line
      other.filled:signal()
    end
  end
  everybody[client] = nil
  outbox.filled:signal()
  if not outbox.has_ended then outbox.ended:wait() end
end

local case, endpoint = peer.arguments()
local serve = cases[case]
local server = assert(socket.listen {
  host = endpoint.host,
  port = endpoint.port,
  path = endpoint.path,
  nodelay = not endpoint.path,
  reuseaddr = true,
})
assert(server:listen())
if not endpoint.path then endpoint.port = select(3, server:localname()) end

-- Errors are values here, not exceptions: a reset ends the loop over the lines.
local function on_error(_, _, problem) return problem end

loop:wrap(function()
  for client in server:clients { nodelay = not endpoint.path } do
    client:onerror(on_error)
    loop:wrap(function()
      serve(client)
      client:close()
    end)
  end
end)

peer.announce(endpoint)
assert(loop:loop())
