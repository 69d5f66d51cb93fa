-- A scenario file, read: the grammar, then the parser.

-- What is wrong with a file.
local Malformed = {}

local function fail(text, ...)
    error(setmetatable({text = text:format(...)}, Malformed), 0)
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
    listen = "NEW( backlog=COUNT)?( reuse_port=YES)?( max_connections=COUNT)?( tls=CONTEXT)?( protocol=PROTOCOL)?( at ENDPOINT)?", connect = "NEW (E|at ENDPOINT)( connect_timeout=TIME)?( host=WORD)?( tls=CONTEXT)?( server_name=SERVER)?( protocol=PROTOCOL)?",
    open_datagram = "NEW( at ENDPOINT)?( to TO)?", write = "E VALUE( to TO)?", join = "E TO", set_multicast_ttl = "E COUNT",
    close = "E", abort = "E", end_write = "E", pause = "E", resume = "E", set_idle_timeout = "E TIME",
    send_file = "E ENDPOINT( offset=COUNT)?( length=COUNT)?", proxy_to = "E E( length=COUNT)?", stop_proxy = "E",
    write_line = "E VALUE", write_message = "E VALUE", write_block = "E VALUE", write_content = "E TEXT VALUE", write_object = "E TEXT",
    set_text = "E COUNT", set_content = "E COUNT",
    respond = "E COUNT VALUE", start_response = "E COUNT TEXT", write_body = "E VALUE", finish_response = "E", collect = "E COUNT",
    pause_request = "E", resume_request = "E", compress = "E",
    finish_with_trailers = "E TEXT", check_request = "E WORD TEXT", respond_continue = "E", upgrade_to = "E NEW TEXT",
    start_events = "E", send_event = "E TEXT( event=WORD)?( id=SERVER)?", ping_events = "E", static_files = "NEW ENDPOINT", serve_file = "E E",
    http_hosts = "NEW", add_site = "E WORD TEXT", serve_site = "E E", access_log = "NEW ENDPOINT", log_response = "E E", reopen = "E",
    http_client = "NEW E( proxy=WORD)?( proxy_authorization=TEXT)?( cookies=TO)?( PROTOCOL)?", fetch = "NEW E WORD TEXT( VALUE)?( expect=YES)?", stream = "NEW E WORD TEXT",
    cookie_jar = "NEW", set_cookie = "E WORD TEXT", clear = "E",
    send_text = "E VALUE", send_binary = "E VALUE", ping = "E VALUE", close_websocket = "E COUNT TEXT", refuse_handshake = "E COUNT", choose_subprotocol = "E WORD", add_header = "E TEXT", upgrade = "E NEW( protocol=PROTOCOL)?( with TEXT)?",
    become = "E NEW( VALUE)?( protocol=PROTOCOL)?", make_file = "ENDPOINT VALUE",
    spawn = "NEW TEXT( kill_on_stop=WORD)?", close_stdin = "E", kill = "E WORD", on_signal = "NEW WORD", watch_process = "NEW E", watch_file = "NEW ENDPOINT",
    deferred = "NEW", follow = "NEW E", succeed = "E TEXT", fail = "E CODE", set_timeout = "E TIME", channel = "NEW", subscribe = "NEW E",
    publish = "E TEXT", queue = "NEW", push = "E TEXT", pop = "NEW E", defer = "NEW WORK TEXT", resolve = "NEW ENDPOINT",
    set_close_timeout = "E TIME", set_output_limit = "E COUNT", set_watermarks = "E COUNT COUNT", call_later = "NEW TIME", call_every = "NEW TIME", next_tick = "NEW", post = "NEW",
    start_tls = "E CONTEXT( server_name=SERVER)?", cancel = "E( YES)?", stop = "", drain = "TIME", spin = "TIME", run = "(raises TEXT)?", turn = "(COUNT)?", counted = "WORD COUNT", check = "E WORD ENDPOINT",
    fails = "CODE( ERRNO)? ACTION"}
local REACTIONS = with(ACTIONS, {echo = "", raise = "TEXT", nothing = ""})
local FALLIBLE = with(ACTIONS, {advance = "TIME"})
local STEPS = with(FALLIBLE, {
    error_handler = "(OFF)?", drop = "E", gone = "E", logged = "ENDPOINT VALUE", when = "GROUP EVENT do ACTION",
    expect = "(NOTHING|E LINE)", ["then"] = "E LINE", ignore = "GROUP (EVENT|\\*)"})
local LINES = {on_open = "", on_data = "(OCTETS|total COUNT( of OCTETS)?)", on_exit = "WORD", on_file = "WORD", on_drain = "", on_shutdown = "", on_proxy_end = "REASON", on_end = "", on_close = "REASON",
               on_error = "TEXT", on_tls = "TEXT", fired = "", on_datagram = "VALUE( from TO)?", on_lost = "REASON( of TO)?", on_success = "TEXT",
               on_failure = "REASON", cancelled = "", received = "TEXT",
               on_line = "VALUE", on_text = "VALUE", on_message = "VALUE", on_block = "VALUE", on_header = "VALUE", on_content = "VALUE",
               on_object = "TEXT",
               on_request = "VALUE", on_body = "VALUE", on_body_end = "", on_collected = "VALUE", on_response = "VALUE", on_interim = "VALUE", on_response_drain = "",
               on_refusal = "TEXT",
               on_handshake = "VALUE", on_binary = "VALUE", on_part = "VALUE", on_ping = "VALUE", on_pong = "VALUE"}
local NAME, TEXT = "[a-z][a-z_]*%d*", '"[^"]*"'   -- escapes are hidden while a line is matched
local WORDS = {
    NEW = {NAME}, E = {"@", NAME}, GROUP = {"[a-z][a-z_]*%*", NAME}, EVENT = {}, TEXT = {TEXT}, WORD = {'[^%s"]+'},
    VALUE = {TEXT .. " x %d+", TEXT}, OCTETS = {'"[^"]+" x %d+', '"[^"]+"'}, ENDPOINT = {TEXT, '[^%s"]+'}, TO = {TEXT, '[^%s"]+'}, COUNT = {"-?%d+"},
    TIME = {"-?%d+%.%d+", "-?%d+"}, NOTHING = {"nothing yet", "nothing"}, CONTEXT = {"%l+"}, PROTOCOL = {"[%l%d_,=/:.|]+"}, SERVER = {'[^%s"]+'}, YES = {"true", "false"}, OFF = {"off"}, WORK = {"echo", "raise"}, CODE = {"[a-z_]+"},
    ERRNO = {"E[A-Z0-9]+"}, REASON = {"ok", "%*", "os E[A-Z0-9]+", "[a-z_]+"}, LINE = {".+"}, ACTION = {".+"}}
for event in pairs(LINES) do table.insert(WORDS.EVENT, event) end
local HEAD = {format = "^1$", spec = ".", over = set "tcp unix memory tls", langs = set "cpp python lua ruby", clock = "^%l+$",
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

function Scenario.new(path, name)
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
    elseif (word == "ENDPOINT" or word == "TO") and part:sub(1, 1) == "@" then
        table.insert(self.used, {line = self.line, name = part:sub(2)})
    elseif part:sub(1, 1) == '"' then
        return octets(part)
    end
    return (word == "COUNT" or word == "TIME") and tonumber(part) or part
end

function Scenario:reacts(name, event)
    return self.whens[name .. " " .. event] or self.whens[group_of(name) .. " " .. event]
end

-- The scenario, and nothing or where and why it is malformed.
local function read(path, name)
    local scenario = Scenario.new(path, name)
    local is_fine, problem = pcall(scenario.read, scenario)
    if is_fine then return scenario end
    if getmetatable(problem) ~= Malformed then error(problem, 0) end
    return scenario, {scenario.line, problem.text}
end

return {read = read, group_of = group_of, set = set}
