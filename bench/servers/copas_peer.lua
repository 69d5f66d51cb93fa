-- Copas' servers: a coroutine for each connection, LuaSocket and its select.
--
--     lua5.4|luajit copas_peer.lua --case echo|lines|chat --listen ENDPOINT
--
-- select allows about a thousand connections.
package.path = arg[0]:match("^.*/") .. "?.lua;" .. package.path
local peer = require "peer"
if _VERSION > "Lua 5.2" then package.path = package.path .. ";/usr/share/lua/5.1/?.lua" end -- Debian's place for its one file of Lua
local copas = require "copas"
local socket = require "socket"

local RECEIVE_SIZE = 65536

-- Octets as they come; nothing when the connection is over.
local function receive(client)
  local octets, problem, part = copas.receivePartial(client, RECEIVE_SIZE)
  if octets then return octets end
  if problem == "timeout" or part ~= "" then return part end
end

local cases = {}

function cases.echo(client)
  for octets in receive, client do copas.send(client, octets) end
end

function cases.lines(client)
  local take = peer.new_cutter(function(line) copas.send(client, line) end)
  for octets in receive, client do take(octets) end
end

local everybody = {}

-- Sends what a slow client left, until its outbox is empty.
local function catch_up(client, member)
  while member.outbox[1] do
    local octets = table.concat(member.outbox)
    member.outbox = {}
    if not copas.send(client, octets) then return end
  end
  member.outbox = nil
end

-- Sends at once, and only if the system does not take it all in a coroutine: nobody waits for a slow client.
local function tell(client, member, line)
  if member.outbox then
    table.insert(member.outbox, line)
    return
  end
  local _, problem, last = client:send(line)
  if problem == "timeout" then
    member.outbox = { line:sub(last + 1) }
    copas.addthread(function() catch_up(client, member) end)
  end
end

function cases.chat(client)
  everybody[client] = {}
  local take = peer.new_cutter(function(line)
    for other, member in pairs(everybody) do tell(other, member, line) end
  end)
  for octets in receive, client do take(octets) end
  everybody[client] = nil
end

local case, endpoint = peer.arguments()
local serve = cases[case]
local server

if endpoint.path then
  server = require "socket.unix"()
  assert(server:bind(endpoint.path))
else
  server = socket.tcp()
  server:setoption("reuseaddr", true)
  assert(server:bind(endpoint.host, endpoint.port))
end
assert(server:listen(peer.backlog))
if not endpoint.path then endpoint.port = tonumber((select(2, server:getsockname()))) end

copas.autoclose = false -- it would close whatever socket a coroutine waited for last
copas.addserver(server, function(client)
  if not endpoint.path then client:setoption("tcp-nodelay", true) end
  serve(client)
  client:close()
end)

peer.announce(endpoint)
copas.loop()
