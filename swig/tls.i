// TLS at script size; bindings/tls.h says what each does. A context that is left out is null.
namespace tidemill {
namespace script {

class TlsCore {
public:
    TlsCore(Bytes certificate, Bytes private_key, Bytes key_password, Bytes authorities, Bytes alpn, Bytes client_certificates,
            bool needs_tls13, bool dangerous_no_verification, double handshake_timeout);
    ~TlsCore();
    void renew(Bytes certificate, Bytes private_key, Bytes key_password);
    void add_certificate(Bytes certificate, Bytes private_key, Bytes key_password);
};

void connection_start_tls(ScriptHandler& handler, TlsCore* context, Bytes server_name);
bool connection_has_tls(ScriptHandler& handler);
Bytes connection_tls_field(int field);

}
}
