-- Framed connections: what only Lua has: fields of classes and instances, JSON that is not its own.
package.path = arg[0]:match("^(.*/)") .. "?.lua;" .. package.path
local test = require "support"
local tidemill = require "tidemill"

local equal, has, raised = test.equal, test.has, test.raised
local last = 0

local function turns(reactor)
    while reactor:run_once(0) do end
end

-- A plain client with what it got, and the server's object.
local function joined(reactor, Server)
    last = last + 1
    local made
    local listener = reactor:listen("memory://framing" .. last, function()
        made = Server:new()
        return made
    end)
    local Client = tidemill.Connection:extend()
    Client.got = ""
    function Client:on_data(data) self.got = self.got .. data end
    local client = reactor:connect(listener:endpoint(), Client)
    turns(reactor)
    return client, made
end

test("on_lines_is_asked_for_in_a_class_or_in_an_object", function()
    local reactor = tidemill.Reactor:new()
    local InClass = tidemill.LineConnection:extend()
    function InClass:on_lines(lines) self.got = lines end
    local InObject = tidemill.LineConnection:extend()
    function InObject:init() self.on_lines = InClass.on_lines end
    for _, Server in ipairs {InClass, InObject} do
        local client, server = joined(reactor, Server)
        client:write("a\r\nb\n\nc")
        turns(reactor)
        equal(#server.got, 3)
        equal(table.concat(server.got, "|"), "a|b|")
    end
end)

test("what_no_framing_can_carry_is_refused", function()
    local reactor = tidemill.Reactor:new()
    local _, server = joined(reactor, tidemill.LineConnection)
    equal(raised(server.write_line, server, "a\nb").code, "local_protocol")
    has(raised(server.write_line, server, {}), "string expected")
    local new = tidemill.LineConnection:new()
    equal(raised(new.write_line, new, "a").code, "state")
    local _, header = joined(reactor, tidemill.HeaderContentConnection)
    for _, lines in ipairs {{"a\nb"}, {"a", ""}, {"\n"}, {""}} do
        equal(raised(header.write_message, header, lines).code, "local_protocol")
    end
    has(raised(header.write_message, header, "a"), "table expected")
end)

test("a_field_that_cannot_be_is_refused_and_the_object_stays_free", function()
    local reactor = tidemill.Reactor:new()
    local listener = reactor:listen("memory://refused", tidemill.Connection)
    local line = tidemill.LineConnection:new()
    for _, wrong in ipairs {-1, "x", 1.5, {}} do
        line.max_line = wrong
        equal(raised(reactor.connect, reactor, listener:endpoint(), line).code, "argument")
    end
    line.max_line = 2 ^ 20
    reactor:connect(listener:endpoint(), line)
    turns(reactor)
    equal(line:state(), "open")
end)

test("a_json_module_of_the_program_is_used", function()
    local reactor = tidemill.Reactor:new()
    local Words = tidemill.ObjectConnection:extend()
    Words.json = {
        encode = function(value) return type(value) == "string" and value or nil, "no word" end,
        decode = function(text) return text ~= "bad" and text:upper() or nil, "a bad word" end,
    }
    function Words:on_object(value) self.value = value end
    function Words:on_close(reason) self.reason = reason end
    local client, server = joined(reactor, Words)
    server:write_object("hi")
    client:write("\0\0\0\4good\0\0\0\3bad")
    turns(reactor)
    equal(client.got, "\0\0\0\2hi")
    equal(server.value, "GOOD")
    equal(server.reason.code, "remote_protocol")
    has(server.reason.message, "a bad word")
    local _, other = joined(reactor, Words)
    equal(raised(other.write_object, other, 1).code, "local_protocol")
end)

test.finish()
