-- CookieJar: the cookies of HTTP clients, which the core keeps; Cookie: what is in it.
local check = require "tidemill.check"
local core = require "tidemill.core"

local Cookie = {__name = "tidemill.Cookie"}
Cookie.__index = Cookie

for _, name in ipairs {"name", "value", "domain", "path", "expires", "is_host_only", "is_secure", "is_http_only"} do
    local key = "_" .. name
    Cookie[name] = function(self)
        return self[key]
    end
end

function Cookie:__tostring()
    return ("tidemill.Cookie: %s of %s%s"):format(self._name, self._domain, self._path)
end

local CookieJar = {__name = "tidemill.CookieJar"}
CookieJar.__index = CookieJar

-- options: reactor.
function CookieJar:new(options)
    options = check.options(1, "new", options, {reactor = "table"})
    local reactor = options.reactor or require("tidemill.default").default_reactor()
    return setmetatable({_reactor = reactor, _core = core.tidemill.script.CookieJarCore(reactor._core)}, self)
end

function CookieJar:set(url, text)
    return self._core:take(self._reactor._core, url, text)
end

function CookieJar:header(url)
    return self._core:header(self._reactor._core, url)
end

function CookieJar:clear()
    self._core:clear()
end

function CookieJar:cookies()
    local found = {}
    local text = self._core:cookies(self._reactor._core)
    if text ~= "" then
        for name, value, domain, path, expires, marks in (text .. "\n"):gmatch(("([^\n]*)\n"):rep(6)) do
            found[#found + 1] = setmetatable({_name = name, _value = value, _domain = domain, _path = path, _expires = tonumber(expires),
                _is_host_only = marks:find("o") ~= nil, _is_secure = marks:find("s") ~= nil, _is_http_only = marks:find("h") ~= nil}, Cookie)
        end
    end
    return found
end

-- What the option cookies means: a jar or nil.
local function jar_of(cookies, reactor)
    if cookies == nil or cookies == false then
        return nil
    elseif cookies == true then
        return CookieJar:new {reactor = reactor}
    elseif getmetatable(cookies) ~= CookieJar then
        error("bad argument #1 to 'new' (option 'cookies': true or a tidemill.CookieJar is needed)", 3)
    end
    return cookies
end

return {Cookie = Cookie, CookieJar = CookieJar, jar_of = jar_of}
