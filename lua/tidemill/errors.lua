-- The error classes, made from the core's table of error codes. An error object is a table with its class as metatable and the fields
-- code, operation, endpoint, errno, errno_name and message; tostring() gives the message.
local core = require "tidemill.core"

local Error = {__name = "tidemill.Error"}
Error.__index = Error

function Error:__tostring()
    return self.message
end

local classes = {}   -- by class name
local is_class = {[Error] = true}
local by_code = {}

for code, name in core.error_table():gmatch("(%S+) (%S+)\n") do
    local class = setmetatable({code = code, __name = "tidemill." .. name, __tostring = Error.__tostring}, {__index = Error})
    class.__index = class
    classes[name], by_code[code], is_class[class] = class, class, true
end

-- Whether the value is an error object of tidemill's, of whatever class; for one class ask getmetatable(value) or value.code.
function Error.is(value)
    return type(value) == "table" and is_class[getmetatable(value)] == true
end

local function make(code, errno, errno_name, operation, endpoint, message)
    local fields = {code = code, errno = errno, errno_name = errno_name, operation = operation, endpoint = endpoint, message = message}
    return setmetatable(fields, by_code[code])
end

core.set_error_maker(make)

-- An error of the adaptor's own, worded as the core words its.
local function describe(code, operation, endpoint, text)
    return make(code, 0, "", operation, endpoint, operation .. (endpoint ~= "" and " " .. endpoint or "") .. ": " .. text)
end

return {Error = Error, classes = classes, describe = describe}
