// The TLS side of the facade: a context at script size. Options are text; an empty one is the default. See api.pyi's TlsContext.
#pragma once
#include "bindings/script.h"

namespace tidemill::script {

class TlsCore {
public:
    // alpn: names parted by commas, best first. client_certificates: none, optional, required. Throws argument, os, tls.
    TlsCore(Bytes certificate, Bytes private_key, Bytes key_password, Bytes authorities, Bytes alpn, Bytes client_certificates,
            bool needs_tls13, bool dangerous_no_verification, double handshake_timeout);

    // All empty: the same files again. Throws as the constructor.
    void renew(Bytes certificate, Bytes private_key, Bytes key_password);
    void add_certificate(Bytes certificate, Bytes private_key, Bytes key_password);

    const std::shared_ptr<TlsContext>& context() const { return context_; }

private:
    void reload(TlsOptions options);

    TlsOptions options_;
    std::shared_ptr<TlsContext> context_;
};

// The context of an option; nullptr for none.
inline std::shared_ptr<TlsContext> context_of(const TlsCore* core) {
    return core != nullptr ? core->context() : nullptr;
}

// Throws argument, closed, state.
void connection_start_tls(ScriptHandler& handler, TlsCore* context, Bytes server_name);

// Whether there is anything to tell; if so, the fields of TlsInfo are lent by their number until the next call of this function.
bool connection_has_tls(ScriptHandler& handler);
// 0 protocol, 1 cipher, 2 alpn, 3 server_name, 4 peer_certificate, 5 peer_subject, 6 "resumed" or "".
Bytes connection_tls_field(int field);

}  // namespace tidemill::script
