-- The players' side of the game in embed.cpp, which calls this file with the endpoint and its mill wheel, and then frame() in every frame.
--
-- A player sends lines: `look`, `push NUMBER`, `quit`. All hear of a push; who gets the wheel to turn fast enough has won the game for all.
local endpoint, wheel = ...
local tidemill = require "tidemill"

local enough = 30                    -- degrees a frame
local strength = 10                  -- the most that one push adds or takes away
local longest_line = 1024            -- octets; nobody types more, and what a stranger sends must not grow without end
local longest_queue = 64 * 1024      -- octets for one player, who is thrown out if they do not read what they are told

local reactor = tidemill.Reactor:new()
local players = {}
local is_won = false

local function tell_all(text)
    for player in pairs(players) do
        if player:state() == "open" then player:write(text) end
    end
end

local Player = tidemill.Connection:extend()

function Player:on_open()
    self.rest = ""                   -- the beginning of a line whose end has not come
    self:set_output_limit(longest_queue)
    players[self] = true
    self:write("look, push NUMBER or quit?\n")
end

function Player:on_data(data)
    local text, next_line = self.rest .. data, 1
    for line, after in text:gmatch("([^\n]*)\n()") do
        if self:state() ~= "open" then return end
        self:answer(line:gsub("\r$", "", 1))
        next_line = after
    end
    self.rest = text:sub(next_line)
    if #self.rest > longest_line then
        self:write("that line is too long\n")
        self:close()
    end
end

function Player:on_close()
    players[self] = nil
end

function Player:answer(line)
    local push = tonumber(line:match("^push%s+(%S+)$"))
    if line == "look" then
        self:write(("frame %d, angle %.0f, speed %g\n"):format(wheel.look()))
    elseif push then
        wheel.push(math.max(-strength, math.min(push, strength)))
        local _, _, speed = wheel.look()
        tell_all(("the wheel turns %g degrees a frame\n"):format(speed))
        is_won = is_won or speed >= enough
    elseif line == "quit" then
        self:write("goodbye\n")
        self:close()
    else
        self:write("look, push NUMBER or quit?\n")
    end
end

local game = {}

-- Once a frame: what came for the players, for as long as the budget lasts; the rest comes in the next frame. False: the game is over.
function game.frame(budget)
    reactor:poll(0, budget)
    return not is_won
end

-- After the last frame time is no matter, so what was written may leave and on_close come; but nobody is waited for longer than a second.
function game.finish()
    tell_all(is_won and "the mill grinds: you have won\n" or "the day is over\n")
    for player in pairs(players) do player:close() end
    local patience = reactor:now() + 1
    while next(players) and reactor:now() < patience do reactor:poll(0.1) end
    reactor:stop()
    reactor:poll()
end

print("listening on " .. reactor:listen(endpoint, Player):endpoint())
io.stdout:flush()
return game
