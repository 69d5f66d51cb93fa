-- tidemill.serve: an application as a function, over memory and, with a client that reads slowly, over TCP.
package.path = arg[0]:match("^(.*/)") .. "?.lua;" .. package.path
local test = require "support"
local tidemill = require "tidemill"

local equal, has, raised = test.equal, test.has, test.raised
local last = 0

-- A server of the application and a client that keeps what it got.
local function joined(app, reactor, endpoint)
    last = last + 1
    reactor = reactor or tidemill.Reactor:new()
    local listener = tidemill.serve(app, {listen = endpoint or "memory://app" .. last, reactor = reactor})[1]
    local Client = tidemill.Connection:extend()
    Client.got = ""
    function Client:on_data(data) self.got = self.got .. data end
    function Client:on_close() self.is_over = true end
    return reactor:connect(listener:endpoint(), Client), reactor
end

local function ask(app, request)
    local client, reactor = joined(app)
    client:write(request)
    test.settle(reactor)
    return client.got, client, reactor
end

local function body_of(answer)
    return answer:match("\r\n\r\n(.*)$")
end

test("env_has_the_names_of_cgi", function()
    local seen
    local answer = ask(function(env)
        seen = env
        return 200, {["content-type"] = "text/plain"}, "hello"
    end, "GET /a%20b?x=%20 HTTP/1.1\r\nHost: here\r\nX-Two: one\r\nX-Two: two\r\nX_Forged: never\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n")
    has(answer, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n")
    equal(body_of(answer), "hello")
    for name, value in pairs {REQUEST_METHOD = "GET", PATH_INFO = "/a b", QUERY_STRING = "x=%20", REQUEST_URI = "/a%20b?x=%20", SCRIPT_NAME = "",
        SERVER_PROTOCOL = "HTTP/1.1", HTTP_HOST = "here", HTTP_X_TWO = "one, two", HTTP_COOKIE = "a=1; b=2", URL_SCHEME = "http"} do
        equal(seen[name], value, name)
    end
    equal(seen.HTTP_X_FORGED, nil)
    equal(seen.error, io.stderr)
    has(ask(function(env) return 200, {}, env.PATH_INFO .. env.SERVER_PROTOCOL end, "GET http://other?q HTTP/1.0\r\nHost: other\r\n\r\n"), "/HTTP/1.0")
end)

test("headers_are_a_table_or_pairs_and_may_have_several_values", function()
    local answer = ask(function() return "404 Not Found", {["set-cookie"] = {"a=1", "b=2"}}, nil end, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    has(answer, "HTTP/1.1 404 Not Found\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n")
    answer = ask({run = function() return 200, {{"x-a", 1}, {"x-b", "2"}}, "" end}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    has(answer, "x-a: 1\r\nx-b: 2\r\n")
end)

test("an_iterator_is_a_body_in_pieces", function()
    local answer = ask(function()
        return 200, {}, coroutine.wrap(function()
            for _, piece in ipairs {"one", "", "two"} do
                coroutine.yield(piece)
            end
        end)
    end, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    has(answer, "Transfer-Encoding: chunked")
    equal(body_of(answer), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    local long = ("l"):rep(1000000)
    answer = ask(function() return 200, {}, long end, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    has(answer, "Content-Length: 1000000\r\n")
    assert(body_of(answer) == long)
    equal(body_of((ask(function() return 200, {}, long end, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"))), "")
end)

test("input_has_the_body_in_memory_or_in_a_file", function()
    local function app(env)
        local first = env.input:read(4)
        local rest = env.input:read("*a")
        return 200, {}, ("%s %d %s %s"):format(first, #first + #rest, env.CONTENT_LENGTH, tostring(env.input:read(1)))
    end
    for _, size in ipairs {4, 1000, 65536, 65537, 500000} do
        local answer = ask(app, ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nbody%s"):format(size, ("x"):rep(size - 4)))
        equal(body_of(answer), ("body %d %d nil"):format(size, size))
    end
    equal(body_of((ask(app, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"))), "body 4 4 nil")
    equal(body_of((ask(function(env) return 200, {}, "<" .. env.input:read("*a") .. tostring(env.input:read(1)) end,
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n"))), "<nil")
end)

test("pipelined_requests_are_answered_in_order", function()
    local answer = ask(function(env) return 200, {}, env.PATH_INFO end, ("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"):rep(3) .. "GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    local seen = {}
    for path in answer:gmatch("\r\n\r\n(/%a)") do
        seen[#seen + 1] = path
    end
    equal(table.concat(seen), "/a/a/a/b")
end)

test("what_raises_is_answered_with_500_and_the_server_goes_on", function()
    local output = test.run_in_child(([[
        package.path, package.cpath = %q, %q
        local tidemill = require "tidemill"
        local reactor = tidemill.Reactor:new()
        local apps = {
            ["/raise"] = function() error("on purpose") end,
            ["/late"] = function() return 200, {}, coroutine.wrap(function() coroutine.yield("begun") error("late") end) end,
            ["/status"] = function() return nil end,
            ["/header"] = function() return 200, {["x-a"] = "1\r\nx-b: 2"}, "" end,
            ["/fine"] = function() return 200, {}, "fine" end,
        }
        local listener = tidemill.serve(function(env) return apps[env.PATH_INFO](env) end, {listen = "memory://raise", reactor = reactor})[1]
        for _, path in ipairs {"/raise", "/late", "/status", "/header", "/fine"} do
            local Client = tidemill.Connection:extend()
            Client.got = ""
            function Client:on_data(data) self.got = self.got .. data end
            function Client:on_close(reason) self.reason = reason or "closed" end
            local client = reactor:connect(listener:endpoint(), Client)
            client:write("GET " .. path .. " HTTP/1.1\r\nHost: x\r\n\r\n")
            while reactor:run_once(0) do end
            print(path, client.got:match("^HTTP/1.1 (%%d+)"), client.reason ~= nil)
        end
    ]]):format(package.path, package.cpath))
    for _, line in ipairs {"/raise\t500\ttrue", "/status\t500\ttrue", "/header\t500\ttrue", "/fine\t200\tfalse", "on purpose", "late"} do
        has(output, line)
    end
    assert(not output:find("/late\t500", 1, true))
end)

test("a_slow_reader_holds_the_iterator_up", function()
    local made, client, reactor = 0, nil, nil
    local piece = ("p"):rep(65536)
    client, reactor = joined(function()
        return 200, {["content-length"] = tostring(1000 * #piece)}, function()
            if made < 1000 then
                made = made + 1
                return piece
            end
        end
    end, nil, "tcp://127.0.0.1:0")
    local count = 0
    function client:on_data(data)
        count = count + #data
        if not self.has_paused then
            self.has_paused = true
            self:pause()
        end
    end
    client:write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for _ = 1, 200 do
        reactor:run_once(0.001)
    end
    assert(made > 10 and made < 300, made)
    client:resume()
    local turns = 0
    while not client.is_over and turns < 100000 do
        reactor:run_once(0.05)
        turns = turns + 1
    end
    equal(made, 1000)
    assert(count > 1000 * #piece)
end)

test("a_client_that_goes_ends_the_iterator", function()
    local made = 0
    local client, reactor = joined(function()
        return 200, {}, function()
            made = made + 1
            return ("p"):rep(65536)
        end
    end)
    function client:on_data() self:abort() end
    client:write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    test.settle(reactor)
    assert(made > 0 and made < 100, made)
end)

test("serve_runs_until_a_signal", function()
    local output = test.run_in_child(([[
        package.path, package.cpath = %q, %q
        local tidemill = require "tidemill"
        local port
        tidemill.call_later(0.01, function()
            local Client = tidemill.Connection:extend()
            function Client:on_open() self:write("GET / HTTP/1.1\r\nHost: x\r\n\r\n") end
            function Client:on_data(data) print(data:match("\r\n\r\n(.*)$")) tidemill.spawn_term() end
            tidemill.connect(port, Client)
        end)
        function tidemill.spawn_term()
            local pid = io.open("/proc/self/stat"):read("*l"):match("^%%d+")
            os.execute("kill -TERM " .. pid)
        end
        tidemill.serve(function() return 200, {}, "served" end, {listen = "tcp://127.0.0.1:0", drain = 5, on_listening = function(listener)
            port = listener:endpoint()
        end})
        print("ended")
    ]]):format(package.path, package.cpath))
    has(output, "served")
    has(output, "ended")
end)

test("an_access_log_has_a_line_for_each_request", function()
    local path = os.tmpname()
    local reactor = tidemill.Reactor:new()
    local listener = tidemill.serve(function(env) return 200, {}, env.PATH_INFO end, {listen = "memory://logged", reactor = reactor, access_log = path})[1]
    local Client = tidemill.Connection:extend()
    function Client:on_close() listener:close() end
    local client = reactor:connect(listener:endpoint(), Client)
    client:write("GET /a HTTP/1.1\r\nHost: x\r\nUser-Agent: q\"\r\n\r\nGET /bcd HTTP/1.0\r\n\r\n")
    reactor:run()
    local file = assert(io.open(path, "rb"))
    local text = file:read("*a")
    file:close()
    os.remove(path)
    equal((text:gsub("%[%d%d/%u%l%l/%d+:%d+:%d+:%d+ %+0000%]", "TIME")),
        '- - - TIME "GET /a HTTP/1.1" 200 2 "-" "q\\x22"\n- - - TIME "GET /bcd HTTP/1.0" 200 4 "-" "-"\n')
    has(raised(tidemill.serve, function() end, {listen = "memory://logged", access_log = "/no/such/log", reactor = reactor}), "ENOENT")
end)

test("wrong_arguments_are_named", function()
    has(raised(tidemill.serve, 7), "function expected")
    has(raised(tidemill.serve, function() end, {lisen = "tcp://127.0.0.1:0"}), "lisen")
end)

test.finish()
