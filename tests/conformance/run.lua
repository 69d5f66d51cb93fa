-- Runs the conformance scenarios against the Lua binding, on Lua 5.4, LuaJIT and Lua 5.1; README.md is the format.
--
-- Three files, alike in every language: scenario (the parser), play (the handler class, the verbs, the trace matcher), run (this:
-- self-tests, choice of scenarios, the count). Lua has no system calls: sh() asks the shell for the little that is needed.
local LANGUAGE, TRANSPORTS, POLLERS = "lua", {"tcp", "unix", "memory", "tls"}, {"epoll", "poll"}

local function quoted(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function sh(command)
    local pipe = io.popen(command)
    local output = pipe:read("*a")
    pipe:close()
    return (output:gsub("%s+$", ""))
end

-- A soft limit below what the crowds need: the same again under a higher one.
if (tonumber(sh("ulimit -n")) or 4000) < 4000 then
    local words = {}
    for i = -1, #arg do table.insert(words, quoted(arg[i])) end
    local done = os.execute("ulimit -S -n 4000 && exec " .. table.concat(words, " "))
    os.exit((done == true or done == 0) and 0 or 1)
end

local HERE = sh(("cd \"$(dirname %s)\" && pwd"):format(quoted(arg[0])))
package.path = HERE .. "/?.lua;" .. package.path
local scenario_file = require "scenario"
local set = scenario_file.set

-- Without the library for authors of scenarios who have not built it.
local is_reading_only = table.concat(arg, " "):find("--syntax-only", 1, true) ~= nil
local tidemill = not is_reading_only and require "tidemill"
local play = tidemill and require "play"

local function read(path)
    local prefix = HERE .. "/scenarios/"
    return scenario_file.read(path, path:sub(1, #prefix) == prefix and path:sub(#prefix + 1) or path)
end

local function find(path)
    local files = {}
    for file in (sh(("find \"$(readlink -f %s)\" -name '*.tide' 2>/dev/null | LC_ALL=C sort"):format(quoted(path))) .. "\n"):gmatch("([^\n]+)\n") do
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
    if scenario.head.needs ~= "ipv6" then return false end
    local is_there, listener = pcall(tidemill.listen, "tcp://[::1]:0", tidemill.Connection)
    if is_there then listener:close() end
    return not is_there
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

    sh(("sh %s %s"):format(quoted(HERE .. "/../support/certificates.sh"), quoted(folder .. "/certificates")))
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
    if options.list then return 0 end
    print(("%d passed, %d failed, %d skipped"):format(counts.passed, counts.failed, counts.skipped))
    return counts.failed == 0 and 0 or 1
end

local folder = sh("mktemp -d /tmp/tide-XXXXXX")
local is_fine, answer = pcall(main, folder)
sh(("rm -rf '%s'"):format(folder))
if not is_fine then io.stderr:write(tostring(answer), "\n") end
os.exit(is_fine and answer or 1)
