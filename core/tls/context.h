// TlsContext: what TLS streams have in common: certificate and key, whom to trust, which protocols to offer. One serves any number of
// streams, reactors and threads, listening and connecting alike.
//
// Defaults are the safe ones: TLS 1.2 or newer, forward secrecy and authenticated ciphers only, the chain and the name of a server are
// verified against the system's trust store. No renegotiation, no compression, no key that is too short (RSA below 2048).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tidemill/base/clock.h"
#include "tidemill/base/error.h"
#include "tidemill/base/limits.h"

struct ssl_ctx_st;

namespace tidemill {

// Whether a server asks its clients for a certificate. optional: one that is shown must be good.
enum class ClientCertificates : std::uint8_t { none, optional, required };

enum class TlsRole : std::uint8_t { client, server };

// Each is PEM text or the path of a PEM file. certificate: the chain, own certificate first. private_key: empty if it is in certificate.
struct TlsCertificate {
    std::string certificate = {};
    std::string private_key = {};
    std::string key_password = {};
};

struct TlsOptions {
    // As TlsCertificate's.
    std::string certificate = {};
    std::string private_key = {};
    std::string key_password = {};
    // A server's others: who asks for a name (RFC 6066 3) that is in one of these and not in the first is shown the first of these with that
    // name; who asks for none, or for one that is nowhere, the certificate above.
    std::vector<TlsCertificate> more_certificates = {};
    // Who may sign the peer's certificate: PEM text, a file, or a folder as OpenSSL's c_rehash makes it. Empty: the system's trust store.
    std::string authorities = {};
    // Application protocols, best first: {"h2", "http/1.1"}. A server that shares none with its client refuses it (RFC 7301 3.2).
    std::vector<std::string> alpn = {};
    ClientCertificates client_certificates = ClientCertificates::none;
    bool needs_tls13 = false;  // nothing older than TLS 1.3
    bool dangerous_no_verification = false;  // a client that talks to anybody: only for tests and for peers known otherwise
    // From the start of a handshake to its end, where connecting has no deadline of its own.
    Duration handshake_timeout = limits::handshake_timeout;
};

class TlsContext {
public:
    // Errors: argument (options that contradict each other), os (a file cannot be read), tls (OpenSSL refuses a certificate or key).
    static Result<std::shared_ptr<TlsContext>> make(TlsOptions options);

    // The context of a client that was given none: all defaults. Made once.
    static Result<std::shared_ptr<TlsContext>> default_client();

    // Reads the files again, or uses other options; handshakes that begin from now on use what they say, streams that are open stay as they are. Sessions of
    // before are not resumed. If anything is wrong everything stays as it was. Any thread. Errors as make().
    Result<void> reload(std::optional<TlsOptions> options = {});

    // Appends to more_certificates, and reloads. Errors as make().
    Result<void> add_certificate(TlsCertificate more);

    bool has_certificate() const;
    bool verifies_servers() const;
    Duration handshake_timeout() const;

    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    // ---- for the filter ----

    // What a handshake uses; shared by those under way, replaced by reload().
    struct Settings;
    std::shared_ptr<Settings> settings() const;

private:
    explicit TlsContext(std::shared_ptr<Settings> settings);

    struct Guarded;
    std::unique_ptr<Guarded> guarded_;
};

}  // namespace tidemill
