# TLS: the context, which wraps the core's, and what a handshake agreed on.
from . import core as _core


class TlsContext:
    def __init__(self, certificate="", private_key="", key_password="", authorities="", alpn="", client_certificates="none",
                 needs_tls13=False, dangerous_no_verification=False, handshake_timeout=10.0):
        self._core = _core.TlsCore(certificate, private_key, key_password, authorities, alpn, client_certificates, bool(needs_tls13),
                                   bool(dangerous_no_verification), handshake_timeout)

    def reload(self, certificate="", private_key="", key_password=""):
        self._core.renew(certificate, private_key, key_password)

    def add_certificate(self, certificate, private_key="", key_password=""):
        self._core.add_certificate(certificate, private_key, key_password)


class TlsInfo:
    __slots__ = ("alpn", "cipher", "is_resumed", "peer_certificate", "peer_subject", "protocol", "server_name")

    def __init__(self):
        field = _core.connection_tls_field
        self.protocol, self.cipher, self.alpn, self.server_name, self.peer_certificate, self.peer_subject = map(field, range(6))
        self.is_resumed = field(6) != ""

    def __repr__(self):
        return f"<TlsInfo {self.protocol} {self.cipher}>"


def core_of(context):
    """What the core takes for the option tls."""
    if context is None:
        return None
    if not isinstance(context, TlsContext):
        raise TypeError(f"a tidemill.TlsContext is needed, not {type(context).__name__}")
    return context._core


def info_of(connection):
    return TlsInfo() if _core.connection_has_tls(connection) else None


for _class in (TlsContext, TlsInfo):
    _class.__module__ = "tidemill"
