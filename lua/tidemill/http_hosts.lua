-- HttpHosts: several sites behind one listener. The core knows whose a request is; the sites are functions, kept here by number.
local check = require "tidemill.check"
local core = require "tidemill.core"

local HttpHosts = {__name = "tidemill.HttpHosts"}
HttpHosts.__index = HttpHosts

function HttpHosts:new(sites)
    local made = setmetatable({_core = core.tidemill.script.HttpHostsCore(), _sites = {}}, self)
    for host, site in pairs(check.type(1, "new", sites, "table")) do
        made:add(host, site)
    end
    return made
end

function HttpHosts:add(host, site)
    check.type(1, "add", host, "string")
    check.callable(2, "add", site)
    self._sites[self._core:add(host)] = site
end

function HttpHosts:serve(request)
    local number = self._core:choose(request._connection, request._number)
    if number ~= 0 then
        self._sites[number](request)
    end
end

return HttpHosts
