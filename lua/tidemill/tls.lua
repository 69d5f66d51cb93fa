-- TLS: the context, which wraps the core's, and what a handshake agreed on.
local check = require "tidemill.check"
local core = require "tidemill.core"

local TlsContext = {__name = "tidemill.TlsContext"}
TlsContext.__index = TlsContext
local TlsInfo = {__name = "tidemill.TlsInfo"}
TlsInfo.__index = TlsInfo

-- options: certificate, private_key, key_password, authorities, alpn, client_certificates, needs_tls13, dangerous_no_verification,
-- handshake_timeout
function TlsContext:new(options)
    options = check.options(1, "new", options, {
        certificate = "string", private_key = "string", key_password = "string", authorities = "string", alpn = "string",
        client_certificates = "string", needs_tls13 = "boolean", dangerous_no_verification = "boolean", handshake_timeout = "number",
    })
    return setmetatable({_core = core.tidemill.script.TlsCore(
        options.certificate or "", options.private_key or "", options.key_password or "", options.authorities or "", options.alpn or "",
        options.client_certificates or "none", options.needs_tls13 or false, options.dangerous_no_verification or false,
        options.handshake_timeout or 10)}, self)
end

function TlsContext:reload(certificate, private_key, key_password)
    self._core:renew(check.type(1, "reload", certificate or "", "string"), check.type(2, "reload", private_key or "", "string"),
        check.type(3, "reload", key_password or "", "string"))
end

-- Another one, shown to clients that ask for a name in it.
function TlsContext:add_certificate(certificate, private_key, key_password)
    self._core:add_certificate(check.type(1, "add_certificate", certificate, "string"), check.type(2, "add_certificate", private_key or "", "string"),
        check.type(3, "add_certificate", key_password or "", "string"))
end

local tls = {TlsContext = TlsContext, TlsInfo = TlsInfo}

-- What the core takes for the option tls.
function tls.core_of(context)
    return context and context._core
end

local fields = {"protocol", "cipher", "alpn", "server_name", "peer_certificate", "peer_subject"}

for _, name in ipairs(fields) do
    TlsInfo[name] = function(self)
        return self["_" .. name]
    end
end

function TlsInfo:is_resumed()
    return self._is_resumed
end

function TlsInfo:__tostring()
    return ("tidemill.TlsInfo: %s %s"):format(self._protocol, self._cipher)
end

function tls.info_of(connection)
    if not core.connection_has_tls(connection) then
        return nil
    end
    local info = {_is_resumed = core.connection_tls_field(6) ~= ""}
    for number, name in ipairs(fields) do
        info["_" .. name] = core.connection_tls_field(number - 1)
    end
    return setmetatable(info, TlsInfo)
end

return tls
