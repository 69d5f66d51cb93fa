-- What the Lua peers share: their command line, and how a stream is cut into lines.
local peer = { backlog = 4096 }

local function usage()
  io.stderr:write("usage: ", arg[0], " --case echo|lines|chat --listen tcp://HOST:PORT|unix:///path\n")
  os.exit(2)
end

-- The case, and the endpoint as a table: host and port, or path.
function peer.arguments()
  local line = table.concat(arg, " ")
  local case = line:match("%-%-case[ =](%l+)")
  local kind, address = line:match("%-%-listen[ =](%l+)://(%S+)")
  if not case or not kind then usage() end
  if kind == "unix" then return case, { path = address } end
  local host, port = address:match("^(.*):(%d+)$")
  return case, { host = host, port = tonumber(port) }
end

function peer.announce(endpoint)
  print("listening on " .. (endpoint.path and "unix://" .. endpoint.path or ("tcp://%s:%d"):format(endpoint.host, endpoint.port)))
  io.stdout:flush()
end

-- A function that is fed octets and calls on_line with each complete line, its LF included.
function peer.new_cutter(on_line)
  local rest = ""
  local find, sub = string.find, string.sub
  return function(octets)
    if rest ~= "" then octets = rest .. octets end
    local start = 1
    local stop = find(octets, "\n", 1, true)
    while stop do
      on_line(sub(octets, start, stop))
      start = stop + 1
      stop = find(octets, "\n", start, true)
    end
    rest = sub(octets, start)
  end
end

return peer
