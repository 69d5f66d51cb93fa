-- Prints the public names of the Lua package, as check.py compares them.
local tidemill = require "tidemill"

-- The names in a table and in those that it inherits from.
local function names_in(found)
  local names = {}
  while type(found) == "table" do
    for name in pairs(found) do
      if type(name) == "string" and name:sub(1, 1) ~= "_" then names[name] = true end
    end
    local meta = getmetatable(found)
    local inherited = meta and rawget(meta, "__index")
    found = inherited ~= found and inherited or nil
  end
  return names
end

local _, failure = pcall(function()
  tidemill.Reactor:new():listen("nonsense", tidemill.Connection)
end)

for name in pairs(names_in(tidemill)) do
  print(name)
  local found = tidemill[name]
  if type(found) == "table" then
    for member in pairs(names_in(found)) do print(name .. "." .. member) end
    if name:find("Error$") then
      for member in pairs(names_in(failure)) do print(name .. "." .. member) end
    end
  end
end
