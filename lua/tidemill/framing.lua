-- Connections whose octets come in frames. The core cuts them (bindings/framing.h); the classes here say how, and name the callbacks. An
-- object's fields are looked at when it gets its stream.
local check = require "tidemill.check"
local Connection = require "tidemill.connection"
local core = require "tidemill.core"
local errors = require "tidemill.errors"

local function ignore()
end

local function class(name)
    local made = Connection:extend()
    made.__name = "tidemill." .. name
    return made
end

-- Fields of an object as the core reads them, whole numbers in full.
local function options(self, ...)
    local words = {}
    for _, name in ipairs {...} do
        local value = self[name]
        local is_whole = type(value) == "number" and value % 1 == 0
        words[#words + 1] = name .. "=" .. (is_whole and ("%.0f"):format(value) or tostring(value))
    end
    return table.concat(words, " ")
end

-- ---- lines ----

local LineConnection = class "LineConnection"
LineConnection.max_line = 65536
LineConnection.max_text = 1048576
LineConnection.line_ending = "crlf"
LineConnection.on_line = ignore
LineConnection.on_text = ignore
LineConnection.write_line = core.write_frame
LineConnection.set_text = core.line_set_text

-- Asked for by overriding it; the core then makes no on_line.
local function on_lines(self, lines)
    for _, line in ipairs(lines) do
        self:on_line(line)
    end
end
LineConnection.on_lines = on_lines

function LineConnection:_protocol()
    return "lines", options(self, "max_line", "max_text", "line_ending") .. " batches=" .. (self.on_lines ~= on_lines and "1" or "0")
end

-- ---- messages, netstrings, blocks ----

local MessageConnection = class "MessageConnection"
MessageConnection.length_prefix = "uint32"
MessageConnection.max_message = 1048576
MessageConnection.on_message = ignore
MessageConnection.write_message = core.write_frame

function MessageConnection:_protocol()
    return "messages", options(self, "length_prefix", "max_message")
end

local NetstringConnection = class "NetstringConnection"
NetstringConnection.max_message = 1048576
NetstringConnection.on_message = ignore
NetstringConnection.write_message = core.write_frame

function NetstringConnection:_protocol()
    return "netstrings", options(self, "max_message")
end

local BlockConnection = class "BlockConnection"
BlockConnection.block_size = 512
BlockConnection.on_block = ignore
BlockConnection.write_block = core.write_frame

function BlockConnection:_protocol()
    return "blocks", options(self, "block_size")
end

-- ---- header and content ----

local HeaderContentConnection = class "HeaderContentConnection"
HeaderContentConnection.max_header = 32768
HeaderContentConnection.max_header_lines = 100
HeaderContentConnection.max_content = 1048576
HeaderContentConnection.on_header = ignore
HeaderContentConnection.on_content = ignore
HeaderContentConnection.set_content = core.header_set_content

function HeaderContentConnection:write_message(header, content)
    check.type(1, "write_message", header, "table")
    return core.header_write(self, table.concat(header, "\n"), #header, content or "")
end

function HeaderContentConnection:_protocol()
    return "header_content", options(self, "max_header", "max_header_lines", "max_content")
end

-- ---- objects ----

-- Lua has no JSON of its own: json is any module with encode and decode that raise, or answer nil and a problem.
local ObjectConnection = class "ObjectConnection"
ObjectConnection.max_message = 1048576
ObjectConnection.on_object = ignore

local known_modules = {"cjson", "dkjson"}

local function json_of(self)
    if self.json then
        return self.json
    end
    for _, name in ipairs(known_modules) do
        local is_there, module = pcall(require, name)
        if is_there then
            ObjectConnection.json = module
            return module
        end
    end
    error("ObjectConnection needs a JSON module: install lua-cjson or lua-dkjson, or set the field json to one", 0)
end

-- True and what the module made of it, or false and its problem.
local function convert(call, value)
    local succeeded, made, problem = pcall(call, value)
    if succeeded and made == nil then
        return false, problem or "nothing"
    end
    return succeeded, made
end

function ObjectConnection:on_message(message)
    local succeeded, value = convert(json_of(self).decode, message)
    if succeeded then
        self:on_object(value)
    else
        core.connection_refuse(self, "the peer sent a message that is no JSON: " .. tostring(value))
    end
end

function ObjectConnection:write_object(value)
    local succeeded, message = convert(json_of(self).encode, value)
    if not succeeded then
        error(errors.describe("local_protocol", "write_object", self:peer(), tostring(message)), 0)
    end
    return core.write_frame(self, message)
end

function ObjectConnection:_protocol()
    json_of(self)
    return "messages", "length_prefix=uint32 " .. options(self, "max_message")
end

return {
    LineConnection = LineConnection,
    MessageConnection = MessageConnection,
    NetstringConnection = NetstringConnection,
    BlockConnection = BlockConnection,
    HeaderContentConnection = HeaderContentConnection,
    ObjectConnection = ObjectConnection,
}
