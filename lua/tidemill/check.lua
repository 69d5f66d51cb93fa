-- Checks of arguments, in the words of Lua's own libraries and with the place of the call.
--
-- Each is called by a public function; level 3 is that function's caller.
local check = {}

local function type_name(value)
    local metatable = getmetatable(value)
    return type(metatable) == "table" and rawget(metatable, "__name") or type(value)
end

local function is_callable(value)
    local metatable = getmetatable(value)
    return type(value) == "function" or type(metatable) == "table" and rawget(metatable, "__call") ~= nil
end

local function refuse(position, operation, text, level)
    error(("bad argument #%d to '%s' (%s)"):format(position, operation, text), level + 1)
end

local function refuse_type(position, operation, expected, value, level)
    refuse(position, operation, expected .. " expected, got " .. type_name(value), level + 1)
end

-- expected: what type() must say.
function check.type(position, operation, value, expected)
    if type(value) ~= expected then
        refuse_type(position, operation, expected, value, 3)
    end
    return value
end

function check.callable(position, operation, value)
    if not is_callable(value) then
        refuse_type(position, operation, "function", value, 3)
    end
    return value
end

-- What makes a connection: a class (a table with new) or a function.
function check.factory(position, operation, value)
    if type(value) == "table" and value.new ~= nil then
        return function()
            return value:new()
        end
    end
    if not is_callable(value) then
        refuse_type(position, operation, "function or connection class", value, 3)
    end
    return value
end

-- The options of a call: known has the type of each.
function check.options(position, operation, options, known)
    if options == nil then
        return {}
    end
    if type(options) ~= "table" then
        refuse_type(position, operation, "table", options, 3)
    end
    for name, value in pairs(options) do
        if known[name] == nil then
            refuse(position, operation, ("there is no option '%s'"):format(tostring(name)), 3)
        elseif type(value) ~= known[name] then
            refuse(position, operation, ("option '%s': %s expected, got %s"):format(name, known[name], type_name(value)), 3)
        end
    end
    return options
end

return check
