-- Runs the conformance scenarios against the Lua binding, on Lua 5.4, LuaJIT and Lua 5.1; README.md is the format.
--
-- All four runners have this order: grammar, scenario (the parser), the handler class, play (verbs, then trace matcher), main.
-- Lua has no system calls: sh() asks the shell for the little that is needed.
local is_reading_only = table.concat(arg, " "):find("--syntax-only", 1, true) ~= nil
local tidemill = not is_reading_only and require "tidemill"
local unpack = table.unpack or unpack

local LANGUAGE, TRANSPORTS, POLLERS = "lua", {"tcp", "unix", "memory"}, {"epoll", "poll"}

local function sh(command)
    local pipe = io.popen(command)
    local output = pipe:read("*a")
    pipe:close()
    return (output:gsub("%s+$", ""))
end

local HERE = sh(("cd \"$(dirname '%s')\" && pwd"):format(arg[0]))

-- What goes wrong: the file is no scenario (malformed), or the library did not do what it says (failed).
local Trouble = {}
Trouble.__tostring = function(self) return self.text end

local function fail(text, ...)
    error(setmetatable({text = text:format(...)}, Trouble), 0)
end

local function set(words)
    local made = {}
    for word in words:gmatch("%S+") do made[word] = true end
    return made
end

local function with(base, more)
    for key, value in pairs(base) do more[key] = value end
    return more
end

-- -- Grammar: the shape of what follows a verb; each CAPITAL word stands for its patterns in WORDS ---------------------

local ACTIONS = {
    listen = "NEW( backlog=COUNT)?( at ENDPOINT)?", connect = "NEW (E|at ENDPOINT)( connect_timeout=TIME)?( host=WORD)?",
    write = "E VALUE", close = "E", abort = "E", end_write = "E", pause = "E", resume = "E", set_idle_timeout = "E TIME",
    set_watermarks = "E COUNT COUNT", call_later = "NEW TIME", call_every = "NEW TIME", next_tick = "NEW", post = "NEW",
    cancel = "E( YES)?", stop = "", run = "(raises TEXT)?", turn = "(COUNT)?", check = "E WORD ENDPOINT", fails = "CODE( ERRNO)? ACTION"}
local REACTIONS = with(ACTIONS, {echo = "", raise = "TEXT", nothing = ""})
local FALLIBLE = with(ACTIONS, {advance = "TIME"})
local STEPS = with(FALLIBLE, {
    error_handler = "(OFF)?", drop = "E", gone = "E", when = "GROUP EVENT do ACTION",
    expect = "(NOTHING|E LINE)", ["then"] = "E LINE", ignore = "GROUP (EVENT|\\*)"})
local LINES = {on_open = "", on_data = "(OCTETS|total COUNT( of OCTETS)?)", on_drain = "", on_end = "", on_close = "REASON",
               on_error = "TEXT", fired = ""}
local NAME, TEXT = "[a-z][a-z_]*%d*", '"[^"]*"'   -- escapes are hidden while a line is matched
local WORDS = {
    NEW = {NAME}, E = {"@", NAME}, GROUP = {"[a-z][a-z_]*%*", NAME}, EVENT = {}, TEXT = {TEXT}, WORD = {'[^%s"]+'},
    VALUE = {TEXT .. " x %d+", TEXT}, OCTETS = {'"[^"]+" x %d+', '"[^"]+"'}, ENDPOINT = {TEXT, '[^%s"]+'}, COUNT = {"-?%d+"},
    TIME = {"-?%d+%.%d+", "-?%d+"}, NOTHING = {"nothing yet", "nothing"}, YES = {"true", "false"}, OFF = {"off"}, CODE = {"[a-z_]+"},
    ERRNO = {"E[A-Z0-9]+"}, REASON = {"ok", "%*", "os E[A-Z0-9]+", "[a-z_]+"}, LINE = {".+"}, ACTION = {".+"}}
for event in pairs(LINES) do table.insert(WORDS.EVENT, event) end
local HEAD = {format = "^1$", spec = ".", over = set "tcp unix memory", langs = set "cpp python lua ruby", clock = "^%l+$",
              needs = "^ipv6$", limit = "^%d+%.?%d*$", fails = "^[%de][%dnd]*$"}
local CLOCKS = set "manual system"
local ESCAPES = {r = "\r", n = "\n", t = "\t", ["0"] = "\0", ["\\"] = "\\", ['"'] = '"'}

-- The words of a shape, and its forms: what it is with each choice made, as lists of literal texts and places of words.
local function compile(shape)
    local words, done = {}, {}
    shape = shape:gsub("%u+", function(word) table.insert(words, word) return ("<%d>"):format(#words) end)
    local forms = {shape}
    while #forms > 0 do
        local form = table.remove(forms, 1)   -- the first choice comes first
        local before, inner, mark, after = form:match("^(.-)(%b())(%??)(.*)$")
        if not before then
            table.insert(done, form)
        else
            local depth, choice = 0, ""
            for character in (inner:sub(2, -2) .. "|"):gmatch(".") do
                depth = depth + (character == "(" and 1 or character == ")" and -1 or 0)
                if character == "|" and depth == 0 then
                    table.insert(forms, before .. choice .. after)
                    choice = ""
                else
                    choice = choice .. character
                end
            end
            if mark == "?" then table.insert(forms, before .. after) end
        end
    end
    return {words = words, forms = done}
end

local compiled = setmetatable({}, {__index = function(known, shape)
    known[shape] = compile(shape)
    return known[shape]
end})

-- Whether the form's rest fits the text from `at` on to its end; found gets where each word lies.
local function fits(form, words, text, at, found)
    local literal, place, rest = form:match("^([^<]*)<(%d+)>(.*)$")
    literal = (literal or form):gsub("\\", "")
    if text:sub(at, at + #literal - 1) ~= literal then return false end
    at = at + #literal
    if not place then return at > #text end
    for _, pattern in ipairs(WORDS[words[tonumber(place)]]) do
        local stop = text:match("^" .. pattern .. "()", at)
        if stop and fits(rest, words, text, stop, found) then
            found[tonumber(place)] = {at, stop - 1}
            return true
        end
    end
    return false
end

local function octets(value)
    local text, times = value:match('^"(.*)"( ?x? ?%d*)$')
    text = text:gsub("\\(.)(%x?%x?)", function(letter, digits)
        if letter == "x" and #digits == 2 then return string.char(tonumber(digits, 16)) end
        if not ESCAPES[letter] then fail("no escape \\%s", letter) end
        return ESCAPES[letter] .. digits
    end)
    return text:rep(tonumber(times:match("%d+") or 1))
end

-- -- Scenario: a file, read --------------------------------------------------------------------------------------------

-- read() fills head and steps (line, verb, arguments; repeat written out); when it fails, line says where.
local Scenario = {}
Scenario.__index = Scenario

local function group_of(name)
    return name:gsub("%d+$", "") .. "*"
end

function Scenario.new(path)
    local prefix = HERE .. "/scenarios/"
    local name = path:sub(1, #prefix) == prefix and path:sub(#prefix + 1) or path
    -- made by any step, by a step outside reactions; line and name of those used
    return setmetatable({path = path, name = name, line = 1, head = {}, steps = {}, whens = {},
                         made = {reactor = true}, made_once = {}, used = {}}, Scenario)
end

function Scenario:read()
    local block, number = nil, 0   -- in a repeat: its line, its count, its lines
    for text in (assert(io.open(self.path)):read("*a") .. "\n"):gmatch("(.-)\n") do
        number = number + 1
        self.line, text = number, text:match("^%s*(.-)%s*$")
        local count = not block and text:match("^repeat (%d+)$")
        if text:sub(1, 1) == "#" then
            self:read_head(text:match("^# (.-): (.*)$"))
        elseif text ~= "" and not (self.head.format and self.head.spec) then
            fail("format and spec come first")
        elseif count then
            block = {line = number, count = tonumber(count)}
        elseif block and text == "end" then
            for n = 1, block.count do
                for _, inner in ipairs(block) do
                    self.line = inner.line
                    self:add((inner.text:gsub("{n}", n)))
                end
            end
            block = nil
        elseif block then
            table.insert(block, {line = number, text = text ~= "" and text or nil})
            if text == "" then table.remove(block) end
        elseif text ~= "" then
            self:add(text)
        end
    end
    if block or #self.steps == 0 then
        self.line = block and block.line or 1
        fail(block and "repeat without end" or "no steps")
    end
    for _, use in ipairs(self.used) do
        local stem = use.name:gsub("[%d*]+$", "")
        self.line = use.line
        if not (self.made[use.name] or self.made[stem] or use.name:find("*", 1, true) and self.made[stem .. "1"]) then
            fail("nothing makes %s", use.name)
        end
    end
end

function Scenario:read_head(key, value)
    local allowed = HEAD[key or ""]
    if not allowed or #self.steps > 0 then return end
    local is_fine = type(allowed) == "string" and value:find(allowed) and (key ~= "clock" or CLOCKS[value])
    if type(allowed) == "table" then
        is_fine = not (" " .. value .. " "):find("  ", 1, true)
        for word in value:gmatch("%S+") do is_fine = is_fine and allowed[word] end
    end
    if not is_fine then fail("%s cannot be %s", key, value) end
    self.head[key] = value
end

function Scenario:add(text)
    self.group = nil   -- in a when: whom "@" stands for
    local verb, arguments = self:parse(text, STEPS, true)
    table.insert(self.steps, {line = self.line, verb = verb, arguments = arguments})
    if verb == "when" then self.whens[arguments[1] .. " " .. arguments[2]] = true end
end

function Scenario:parse(text, grammar, is_making)
    local verb, rest = text:match("^(%S*) ?(.*)$")
    if not grammar[verb] then fail("no step %s here", verb) end
    local shape, hidden = compiled[grammar[verb]], rest:gsub("\\.", "__")
    local found
    for _, form in ipairs(shape.forms) do
        found = {}
        if fits(form, shape.words, hidden, 1, found) then break end
        found = nil
    end
    if not found then fail("%s takes %s, not %s", verb, grammar[verb], rest) end
    local arguments = {}
    for place, word in ipairs(shape.words) do
        local span = found[place]
        arguments[place] = span and self:argument(word, rest:sub(span[1], span[2]), is_making and verb ~= "fails")
    end
    return verb, arguments
end

function Scenario:argument(word, part, is_making)
    if word == "NEW" and is_making then
        if self.made_once[part] or part == "reactor" then fail("%s is made twice", part) end
        self.made[part] = true
        self.made_once[part] = not self.group or self.made_once[part]
    elseif word == "E" and part == "@" and not self.group then
        fail("@ outside a reaction")
    elseif (word == "E" or word == "GROUP") and part ~= "@" then
        table.insert(self.used, {line = self.line, name = part})
        self.group = word == "GROUP" and part or self.group
    elseif word == "ACTION" then
        return {self:parse(part, self.group and REACTIONS or FALLIBLE, is_making)}
    elseif word == "LINE" then
        return {self:parse(part, LINES)}
    elseif word == "ENDPOINT" and part:sub(1, 1) == "@" then
        table.insert(self.used, {line = self.line, name = part:sub(2)})
    elseif part:sub(1, 1) == '"' then
        return octets(part)
    end
    return (word == "COUNT" or word == "TIME") and tonumber(part) or part
end

function Scenario:reacts(name, event)
    return self.whens[name .. " " .. event] or self.whens[group_of(name) .. " " .. event]
end

-- -- The handler class -------------------------------------------------------------------------------------------------

-- Tells the play of every callback.
local Recorder, ForgivingRecorder
if tidemill then
    Recorder = tidemill.Connection:extend()

    function Recorder:init(play, name) self.play, self.name, self.writable, self.is_over = play, name, "", false end
    function Recorder:on_open() self.play:seen(self.name, "on_open", nil, self) end
    function Recorder:on_data(data) self.play:seen(self.name, "on_data", data, self) end
    function Recorder:on_drain() self.play:seen(self.name, "on_drain", nil, self) end
    function Recorder:on_end() self.play:seen(self.name, "on_end", nil, self, tidemill.Connection.on_end) end
    function Recorder:on_close(reason)
        local what = not reason and "ok" or reason.code == "os" and "os " .. reason.errno_name or reason.code
        self.play:seen(self.name, "on_close", what, self)
    end

    ForgivingRecorder = Recorder:extend()
    function ForgivingRecorder:on_error(problem) self.play:seen(self.name, "on_error", tostring(problem), self) end
end

-- -- Play: a scenario, played over one transport with one poller -------------------------------------------------------

local Play, verbs = {}, {}
Play.__index = Play

local last_number = 0   -- for fresh endpoints, and for the order of everything
local function next_number()
    last_number = last_number + 1
    return last_number
end

local real_time = tidemill and tidemill.Reactor:new()

function Play.new(scenario, transport, poller, folder)
    return setmetatable({
        scenario = scenario, transport = transport, folder = folder, line = 0, limit = tonumber(scenario.head.limit or 5),
        reactor = tidemill.Reactor:new {poller = poller, clock = scenario.head.clock == "system" and "" or "manual"},
        -- by name: object, what the user gave, text
        entities = {}, given = setmetatable({}, {__mode = "v"}), endpoints = {}, accepted = {},
        reactions = {}, ignored = {},   -- number, line, verb, arguments; by "name event"
        trace = {}, matched = 0,        -- by name: number, event, detail
        is_in_loop = false}, Play)
end

function Play:run()
    for _, step in ipairs(self.scenario.steps) do
        self.line = step.line
        self:perform(step.verb, step.arguments)
    end
    self.line = "end"
    verbs.expect(self, "nothing")
end

function Play:perform(verb, arguments)
    if verbs[verb] then
        verbs[verb](self, unpack(arguments, 1, 5))
    elseif verb == "call_later" or verb == "call_every" or verb == "next_tick" or verb == "post" then
        self:schedule(verb, unpack(arguments, 1, 2))
    else
        local entity = self:entity(arguments[1])
        entity[verb](entity, unpack(arguments, 2, 3))
    end
end

-- A callback came: traces it, then does what the scenario wants done in it.
function Play:seen(name, event, detail, me, default)
    if not self.is_in_loop or me and me.is_over and event ~= "on_error" then
        self.problem = self.problem or {self.line, name .. " " .. event .. " came inside another call, or after on_close"}
    end
    if not self:is_ignored(name, event) then table.insert(self:lines(name), {next_number(), event, detail}) end
    self.me, self.data, self.is_in_loop = me or self.entities[name], detail, false
    if default and not self.scenario:reacts(name, event) then default(me) end
    local raised
    for _, reaction in ipairs(self.reactions) do
        if not raised and (reaction.on == name .. " " .. event or reaction.on == group_of(name) .. " " .. event) then
            if reaction.verb == "raise" then
                raised = reaction.arguments[1]
            else
                local is_fine, problem = pcall(self.perform, self, reaction.verb, reaction.arguments)
                self.problem = self.problem or not is_fine and {reaction.line, ("in %s %s: %s"):format(name, event, tostring(problem))} or nil
            end
        end
    end
    self.me, self.is_in_loop = nil, true
    if event == "on_close" then me.is_over = true end
    if raised then error(raised, 0) end
end

-- The one way into what may call back.
function Play:loop(method, ...)
    local before = self.is_in_loop
    self.is_in_loop = true
    local is_fine, answer = pcall(self.reactor[method], self.reactor, ...)
    self.is_in_loop = before
    if self.problem then
        self.line = self.problem[1]
        fail("%s", self.problem[2])
    end
    if not is_fine then error(answer, 0) end
    return answer
end

function Play:lines(name)
    self.trace[name] = self.trace[name] or {}
    return self.trace[name]
end

function Play:is_ignored(name, event)
    local group = group_of(name)
    return self.ignored[name .. " " .. event] or self.ignored[name .. " *"] or self.ignored[group .. " " .. event] or self.ignored[group .. " *"]
end

function Play:settle()
    local deadline = real_time:now() + self.limit
    while self:loop("run_once", 0) do
        if real_time:now() > deadline then fail("every turn finds something to do") end
    end
end

function Play:entity(name)
    return name == "reactor" and self.reactor or name == "@" and self.me or self.entities[name] or fail("%s is not there", name)
end

function Play:endpoint(text)
    return text:sub(1, 1) == "@" and self.endpoints[text:sub(2)] or (text:gsub("DIR", self.folder))
end

function Play:keep(name, entity, given)
    self.entities[name], self.given[name] = entity, given
end

function Play:recorder(name)
    return (self.scenario:reacts(name, "on_error") and ForgivingRecorder or Recorder):new(self, name)
end

function Play:schedule(method, name, seconds)
    local function call() self:seen(name, "fired") end
    local timer = seconds and self.reactor[method](self.reactor, seconds, call) or not seconds and self.reactor[method](self.reactor, call)
    self:keep(name, timer or call, call)
end

local function same(what, expected, seen)
    if expected ~= tostring(seen) then fail("%s: expected %s, seen %s", what, expected, tostring(seen)) end
end

-- Twice: Lua 5.1 frees in the second round what the first one finalised.
local function collect()
    collectgarbage()
    collectgarbage()
end

-- The verbs that are more than a method of that name

function verbs.listen(play, name, backlog, endpoint)
    local function factory()
        play.accepted[name] = (play.accepted[name] or 0) + 1
        local recorder = play:recorder(name .. play.accepted[name])
        play:keep(recorder.name, recorder, recorder)
        return recorder
    end
    local number = next_number()
    local fresh = {tcp = "tcp://127.0.0.1:0", unix = ("unix://DIR/%d.sock"):format(number), memory = "memory://" .. number}
    local listener = play.reactor:listen(play:endpoint(endpoint or fresh[play.transport]), factory, {backlog = backlog})
    play:keep(name, listener, factory)
    play.endpoints[name] = listener:endpoint()
end

function verbs.connect(play, name, listener, endpoint, connect_timeout, host)
    endpoint = play:endpoint(listener and "@" .. listener or endpoint)
    if host then endpoint = ("tcp://%s:%s"):format(host, endpoint:match("%d+$")) end
    local recorder = play:recorder(name)
    play.reactor:connect(endpoint, recorder, {connect_timeout = connect_timeout})
    play:keep(name, recorder, recorder)
end

function verbs.write(play, name, value)
    local entity = play:entity(name)
    entity.writable = entity:write(value)
end

function verbs.echo(play) verbs.write(play, "@", play.data) end
function verbs.nothing() end
function verbs.stop(play) play.reactor:stop() end

function verbs.cancel(play, name, answer)
    local answered = play:entity(name):cancel()
    same("cancel " .. name, answer or tostring(answered), answered)
end

function verbs.run(play, raises)
    -- Lua has no thread that could watch: cat ends when the pipe is closed, and if not in time, Ctrl-C is what reaches run().
    local watch = io.popen(("timeout %g cat || kill -INT $PPID"):format(play.limit), "w")
    local is_fine, problem = pcall(play.loop, play, "run")
    watch:close()
    if is_fine then
        same("run", raises or "that it returns", "that it returns")
    elseif tostring(problem):find("interrupted!", 1, true) then
        fail("run did not return")
    elseif not raises or not tostring(problem):find(raises, 1, true) then
        error(problem, 0)
    end
end

function verbs.turn(play, times)
    for _ = 1, times or 1 do play:loop("run_once", 0) end
end

function verbs.advance(play, seconds)
    play.reactor:advance(seconds)
    play:settle()
end

function verbs.error_handler(play, off)
    play.reactor:set_error_handler(not off and function(problem, connection)
        play:seen("reactor", "on_error", tostring(problem), connection)
    end or nil)
end

function verbs.drop(play, name)
    play:entity(name)
    play.entities[name] = nil
    collect()
end

function verbs.gone(play, name)
    play:settle()
    collect()
    same(name, "gone", play.given[name] == nil and "gone" or "alive")
end

function verbs.check(play, name, property, value)
    local entity = play:entity(name)
    local seen = entity[property == "local" and "local_" or property]
    if type(seen) == "function" then seen = seen(entity) end
    same(name .. " " .. property, play:endpoint(value), seen)
end

function verbs.fails(play, code, errno, action)
    local is_fine, problem = pcall(play.perform, play, action[1], action[2])
    if is_fine then fail("%s: expected %s, seen that it succeeded", action[1], code) end
    if not tidemill.Error.is(problem) then error(problem, 0) end
    same(action[1], code .. " " .. (errno or problem.errno_name), problem.code .. " " .. problem.errno_name)
end

function verbs.when(play, name, event, action)
    table.insert(play.reactions, {on = name .. " " .. event, line = play.line, verb = action[1], arguments = action[2]})
end

function verbs.ignore(play, name, event)
    play.ignored[name .. " " .. (event or "*")] = true
    for other, lines in pairs(play.trace) do
        for i = #lines, 1, -1 do
            if play:is_ignored(other, lines[i][2]) then table.remove(lines, i) end
        end
    end
end

-- The trace matcher

local function shown(detail)
    return type(detail) == "string" and ("%q"):format(detail:sub(1, 60)) or ""
end

function verbs.expect(play, nothing, name, line)
    if not nothing then return play:match(name, line[1], line[2]) end
    if nothing == "nothing" then play:settle() end
    for other, lines in pairs(play.trace) do
        if lines[1] then fail("expected nothing, seen %s %s %s", other, lines[1][2], shown(lines[1][3])) end
    end
end

verbs["then"] = function(play, name, line)
    local before = play.matched
    if play:match(name, line[1], line[2]) < before then
        fail("%s %s: expected later than the line before, seen earlier", name, line[1])
    end
end

-- Takes a line from the trace; answers the number of its first part, keeps that of its last in matched.
function Play:match(name, event, arguments)
    if event == "on_data" then return self:match_octets(name, unpack(arguments, 1, 3)) end
    local wanted = arguments[1]
    local number, seen = self:next_line(name, event, wanted)
    self.matched = number
    if wanted ~= "*" and wanted ~= seen and not (event == "on_error" and seen:find(wanted, 1, true)) then
        fail("expected %s %s %s, seen %s", name, event, shown(wanted), shown(seen))
    end
    return number
end

function Play:match_octets(name, value, total, unit)
    if unit then value = unit:rep(math.ceil(total / #unit)):sub(1, total) end
    local first, taken, count = nil, 0, total or #value
    while taken < count do
        local number, data = self:next_line(name, "on_data", value)
        local piece = data:sub(1, count - taken)
        self.matched, first = number, first or number
        if value and piece ~= value:sub(taken + 1, taken + #piece) then
            fail("expected %s on_data %s, seen at %d %s", name, shown(value), taken, shown(piece))
        end
        taken = taken + #piece
        if #piece < #data then table.insert(self.trace[name], 1, {number, "on_data", data:sub(#piece + 1)}) end
    end
    local after = self:lines(name)[1]
    if total and after and after[2] == "on_data" then fail("expected %s on_data total %d, seen more", name, total) end
    return first
end

function Play:next_line(name, event, detail)
    local deadline = real_time:now() + self.limit
    while #self:lines(name) == 0 do
        if real_time:now() > deadline then fail("expected %s %s %s, seen nothing", name, event, shown(detail)) end
        self:loop("run_once", 0.01)
    end
    local number, seen, what = unpack(table.remove(self.trace[name], 1), 1, 3)
    if seen ~= event then fail("expected %s %s %s, seen %s %s", name, event, shown(detail), seen, shown(what)) end
    return number, what
end

-- -- Main --------------------------------------------------------------------------------------------------------------

-- The scenario, and nothing or where and why it is malformed.
local function read(path)
    local scenario = Scenario.new(path)
    local is_fine, problem = pcall(scenario.read, scenario)
    if is_fine then return scenario end
    if getmetatable(problem) ~= Trouble then error(problem, 0) end
    return scenario, {scenario.line, problem.text}
end

-- Nothing if all went well, otherwise where and what went wrong.
local function play(scenario, transport, poller, folder)
    local attempt = Play.new(scenario, transport, poller, folder)
    local is_fine, problem = pcall(attempt.run, attempt)
    local line = attempt.line
    attempt = nil
    collect()
    return not is_fine and {line, tostring(problem)} or nil
end

local function find(path)
    local files = {}
    for file in (sh(("find \"$(readlink -f '%s')\" -name '*.tide' 2>/dev/null | LC_ALL=C sort"):format(path)) .. "\n"):gmatch("([^\n]+)\n") do
        table.insert(files, file)
    end
    return files
end

-- Gives up if a self-test goes otherwise than it should.
local function self_test(poller, folder)
    local wrong = {}
    for _, path in ipairs(find(HERE .. "/selftest")) do
        local kind = path:match("([^/]+)/[^/]+$")
        local scenario, trouble = read(path)
        local is_refused = trouble ~= nil
        if not is_refused and tidemill then trouble = play(scenario, "memory", poller, folder) end
        local wanted = (kind == "invalid" or kind == "fail" and tidemill) and (scenario.head.fails or "?") or nil
        if is_refused ~= (kind == "invalid") or (trouble and tostring(trouble[1])) ~= wanted then
            table.insert(wrong, ("%s: wanted trouble at %s, seen %s %s"):format(path, tostring(wanted), tostring(trouble and trouble[1]), trouble and trouble[2] or ""))
        end
    end
    if #wrong > 0 then error(table.concat(wrong, "\n"), 0) end
end

local function is_skipped(scenario)
    if scenario.head.langs and not set(scenario.head.langs)[LANGUAGE] then return true end
    return scenario.head.needs == "ipv6" and not pcall(tidemill.listen, "tcp://[::1]:0", tidemill.Connection)
end

local function options_from(words)
    local options, i = {poller = {}, over = {}, paths = {}}, 1
    while words[i] do
        local name = words[i]:match("^%-%-(.*)$")
        if name == "list" or name == "syntax-only" then
            options.list, options.is_reading = options.list or name == "list", true
        elseif name == "poller" or name == "over" then
            i = i + 1
            table.insert(options[name], words[i])
        elseif name then
            error("no option --" .. name, 0)
        else
            table.insert(options.paths, words[i])
        end
        i = i + 1
    end
    if #options.paths == 0 then options.paths = {HERE .. "/scenarios"} end
    if #options.poller == 0 then options.poller = POLLERS end
    if #options.over == 0 then options.over = TRANSPORTS end
    return options
end

local function main(folder)
    local options, counts, known = options_from(arg), {passed = 0, failed = 0, skipped = 0}, {}
    for line in io.lines(("%s/known/%s.txt"):format(HERE, LANGUAGE)) do known[line:match("^(.-)%s*#") or line] = true end

    local function report(outcome, text)
        counts[outcome] = counts[outcome] + 1
        if text then print(text) end
        io.stdout:flush()
    end

    local function play_everywhere(scenario)
        local over = scenario.head.over and set(scenario.head.over)
        for _, transport in ipairs(options.over) do
            for _, poller in ipairs((not over or over[transport]) and options.poller or {}) do
                local trouble, run = play(scenario, transport, poller, folder), ("%s %s %s"):format(scenario.name, transport, poller)
                if known[run] then
                    report(trouble and "skipped" or "failed", not trouble and ("%s passes: take it off known/%s.txt"):format(run, LANGUAGE) or nil)
                else
                    report(trouble and "failed" or "passed",
                           trouble and ("%s:%s over %s with %s: %s"):format(scenario.path, trouble[1], transport, poller, trouble[2]))
                end
            end
        end
    end

    self_test(options.poller[1], folder)
    for _, given in ipairs(options.paths) do
        local files = find(given)
        if #files == 0 then files = find(HERE .. "/scenarios/" .. given) end
        if #files == 0 then error("no scenario " .. given, 0) end
        for _, path in ipairs(files) do
            local scenario, trouble = read(path)
            if trouble then
                report("failed", ("%s:%s malformed: %s"):format(path, trouble[1], trouble[2]))
            elseif options.is_reading then
                report("passed", options.list and scenario.name or nil)
            elseif is_skipped(scenario) then
                report("skipped")
            else
                play_everywhere(scenario)
            end
        end
    end
    print(("%d passed, %d failed, %d skipped"):format(counts.passed, counts.failed, counts.skipped))
    return counts.failed == 0 and 0 or 1
end

local folder = sh("mktemp -d /tmp/tide-XXXXXX")
local is_fine, answer = pcall(main, folder)
sh(("rm -rf '%s'"):format(folder))
if not is_fine then io.stderr:write(tostring(answer), "\n") end
os.exit(is_fine and answer or 1)
