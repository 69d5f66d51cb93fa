#include "tidemill/tls/context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tidemill/tls/settings.h"

namespace tidemill {

static constexpr std::string_view making = "make a TLS context";

// Forward secrecy and authenticated encryption; everything else that TLS 1.2 has is left out (RFC 9325 4.2). TLS 1.3 has nothing else.
static constexpr const char* tls12_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL";

// 112 bits: RSA from 2048 on, no signatures by SHA-1 (SSL_CTX_set_security_level(3)). The system may ask for more, but not for less, as
// OpenSSL up to 3.1 does by itself.
static constexpr int least_security_level = 2;

// ---- what went wrong ----

std::string take_openssl_reason() {
    std::string reasons;
    while (const unsigned long code = ERR_get_error()) {
        const char* reason = ERR_reason_error_string(code);
        if (reason == nullptr || reasons.find(reason) != std::string::npos) continue;
        reasons.append(reasons.empty() ? "" : "; ").append(reason);
    }
    return reasons;
}

static Error refused(std::string_view what, std::string_view source) {
    std::string reason = take_openssl_reason();
    const bool is_text = source.find("-----BEGIN") != std::string_view::npos;
    return make_error(ErrorCode::tls, making, is_text ? std::string_view{} : source,
                      std::string(what) + (reason.empty() ? " cannot be used" : " cannot be used: " + reason));
}

// ---- PEM ----

// PEM text is itself, anything else is a path.
static Result<std::string> read_pem(const std::string& source) {
    if (source.find("-----BEGIN") != std::string::npos) return source;
    errno = 0;
    std::ifstream file(source, std::ios::binary);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    if (!file) return os_error(errno != 0 ? errno : EIO, making, source);
    return std::move(text).str();
}

static Owned<BIO> reader_of(const std::string& text) {
    return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without a password OpenSSL would ask on the terminal.
static int give_password(char* buffer, int size, int, void* password) {
    const auto& text = *static_cast<const std::string*>(password);
    if (text.size() > static_cast<std::size_t>(size)) return -1;
    std::memcpy(buffer, text.data(), text.size());
    return static_cast<int>(text.size());
}

static Result<void> use_certificate(SSL_CTX* context, const std::string& source) {
    Result<std::string> text = read_pem(source);
    if (!text) return text.error();
    const Owned<BIO> reader = reader_of(text.value());
    bool is_first = true;
    while (const Owned<X509> certificate{PEM_read_bio_X509_AUX(reader.get(), nullptr, give_password, const_cast<std::string*>(&source))}) {
        const bool is_used =
            is_first ? SSL_CTX_use_certificate(context, certificate.get()) == 1 : SSL_CTX_add1_chain_cert(context, certificate.get()) == 1;
        if (!is_used) return refused("the certificate", source);
        is_first = false;
    }
    if (is_first) return refused("the certificate", source);
    ERR_clear_error();  // "no start line" ended the loop
    return {};
}

static Result<void> use_key(SSL_CTX* context, const std::string& source, const std::string& password) {
    Result<std::string> text = read_pem(source);
    if (!text) return text.error();
    const Owned<BIO> reader = reader_of(text.value());
    const Owned<EVP_PKEY> key{PEM_read_bio_PrivateKey(reader.get(), nullptr, give_password, const_cast<std::string*>(&password))};
    if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return refused("the private key", source);
    if (SSL_CTX_check_private_key(context) != 1) return refused("the private key", source);
    return {};
}

static Result<void> trust_text(SSL_CTX* context, const std::string& source) {
    Result<std::string> text = read_pem(source);
    if (!text) return text.error();
    const Owned<BIO> reader = reader_of(text.value());
    bool has_any = false;
    while (const Owned<X509> certificate{PEM_read_bio_X509_AUX(reader.get(), nullptr, give_password, const_cast<std::string*>(&source))}) {
        has_any = true;
        // A server names them to its clients, so that these can choose.
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1 ||
            SSL_CTX_add_client_CA(context, certificate.get()) != 1) {
            return refused("the certificate of an authority", source);
        }
    }
    if (!has_any) return refused("the authorities", source);
    ERR_clear_error();
    return {};
}

static Result<void> trust(SSL_CTX* context, const std::string& source) {
    std::error_code problem;
    if (source.empty()) {
        // A system without a trust store trusts nobody, which the handshake will say.
        SSL_CTX_set_default_verify_paths(context);
        ERR_clear_error();
        return {};
    }
    if (!std::filesystem::is_directory(source, problem)) return trust_text(context, source);
    if (SSL_CTX_load_verify_dir(context, source.c_str()) != 1) return refused("the folder of authorities", source);
    return {};
}

// ---- contexts ----

static int choose_alpn(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered, unsigned int count,
                       void* own) {
    const auto& ours = *static_cast<const std::string*>(own);
    unsigned char* found = nullptr;
    const int outcome = SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours.data()),
                                              static_cast<unsigned int>(ours.size()), offered, count);
    if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

static void use_common(SSL_CTX* context, const TlsOptions& options) {
    SSL_CTX_set_min_proto_version(context, options.needs_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, tls12_ciphers);
    SSL_CTX_set_security_level(context, std::max(SSL_CTX_get_security_level(context), least_security_level));
    SSL_CTX_set_options(context,
                        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    // An idle stream holds no record buffers; a write may take less than it was given and may be tried again from elsewhere.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static Result<void> use_identity(SSL_CTX* context, const TlsCertificate& own) {
    if (own.certificate.empty()) return {};
    if (Result<void> used = use_certificate(context, own.certificate); !used) return used;
    return use_key(context, own.private_key.empty() ? own.certificate : own.private_key, own.key_password);
}

static TlsCertificate first_certificate(const TlsOptions& options) {
    return {options.certificate, options.private_key, options.key_password};
}

int keep_session(SSL* ssl, SSL_SESSION* session);  // filter.cpp

static Result<void> make_client(TlsContext::Settings& settings) {
    const TlsOptions& options = settings.options;
    settings.client.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* context = settings.client.get();
    if (context == nullptr) return refused("OpenSSL", {});
    use_common(context, options);
    if (Result<void> used = use_identity(context, first_certificate(options)); !used) return used;
    if (options.dangerous_no_verification) {
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    } else {
        if (Result<void> trusted = trust(context, options.authorities); !trusted) return trusted;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    }
    // Nothing but wire format errors can make this fail, and make_alpn has looked.
    if (!settings.alpn.empty()) {
        SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(settings.alpn.data()),
                                static_cast<unsigned int>(settings.alpn.size()));
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    return {};
}

// The client said which server it asks for, or did not: OpenSSL asks in both cases.
static int choose_certificate(SSL* ssl, int*, void* own) {
    const auto& settings = *static_cast<const TlsContext::Settings*>(own);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_OK;
    const auto has_name = [name](SSL_CTX* context) {
        return X509_check_host(SSL_CTX_get0_certificate(context), name, std::strlen(name), 0, nullptr) == 1;
    };
    if (has_name(settings.server.get())) return SSL_TLSEXT_ERR_OK;
    for (const Owned<SSL_CTX>& more : settings.more_servers) {
        if (!has_name(more.get())) continue;
        return SSL_set_SSL_CTX(ssl, more.get()) != nullptr ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

static Result<Owned<SSL_CTX>> make_server_with(TlsContext::Settings& settings, const TlsCertificate& own) {
    const TlsOptions& options = settings.options;
    Owned<SSL_CTX> made(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* context = made.get();
    if (context == nullptr) return refused("OpenSSL", {});
    use_common(context, options);
    if (Result<void> used = use_identity(context, own); !used) return used.error();
    if (options.client_certificates != ClientCertificates::none) {
        if (Result<void> trusted = trust(context, options.authorities); !trusted) return trusted.error();
        const bool is_required = options.client_certificates == ClientCertificates::required;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    }
    if (!settings.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, choose_alpn, &settings.alpn);
    // Sessions live in the clients' tickets alone, so that no server memory grows with the number of clients. The name is required where
    // client certificates are asked for: a session of another program's context must not count for one.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    static constexpr unsigned char name[] = "tidemill";
    SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
    return made;
}

static Result<void> make_servers(TlsContext::Settings& settings) {
    const TlsOptions& options = settings.options;
    if (options.certificate.empty()) return {};
    Result<Owned<SSL_CTX>> first = make_server_with(settings, first_certificate(options));
    if (!first) return first.error();
    settings.server = std::move(first).value();
    for (const TlsCertificate& more : options.more_certificates) {
        Result<Owned<SSL_CTX>> made = make_server_with(settings, more);
        if (!made) return made.error();
        settings.more_servers.push_back(std::move(made).value());
    }
    if (settings.more_servers.empty()) return {};
    SSL_CTX_set_tlsext_servername_callback(settings.server.get(), choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(settings.server.get(), &settings);
    return {};
}

static Result<std::string> make_alpn(const std::vector<std::string>& names) {
    std::string wire;
    for (const std::string& name : names) {
        if (name.empty() || name.size() > 255) return make_error(ErrorCode::argument, making, {}, "a protocol's name has 1 to 255 octets");
        wire += static_cast<char>(name.size());
        wire += name;
    }
    if (wire.size() > 65535) return make_error(ErrorCode::argument, making, {}, "there are too many protocols");
    return wire;
}

static Result<void> check_options(const TlsOptions& options) {
    const char* problem = nullptr;
    if (options.certificate.empty() && !options.private_key.empty()) problem = "a private key needs its certificate";
    for (const TlsCertificate& more : options.more_certificates) {
        if (more.certificate.empty()) problem = "a certificate is missing";
        if (options.certificate.empty()) problem = "more certificates need a first one";
    }
    if (options.client_certificates != ClientCertificates::none && options.certificate.empty()) {
        problem = "only a server asks for client certificates, and a server needs a certificate";
    }
    if (options.handshake_timeout.count() < 0) problem = "a time must be 0 or more seconds";
    if (problem != nullptr) return make_error(ErrorCode::argument, making, {}, problem);
    return {};
}

static Result<std::shared_ptr<TlsContext::Settings>> make_settings(TlsOptions options) {
    if (Result<void> checked = check_options(options); !checked) return checked.error();
    Result<std::string> alpn = make_alpn(options.alpn);
    if (!alpn) return alpn.error();
    ERR_clear_error();
    auto settings = std::make_shared<TlsContext::Settings>();
    settings->options = std::move(options);
    settings->alpn = std::move(alpn).value();
    if (Result<void> made = make_client(*settings); !made) return made.error();
    if (Result<void> made = make_servers(*settings); !made) return made.error();
    return settings;
}

struct TlsContext::Guarded {
    std::mutex mutex;
    std::shared_ptr<Settings> settings;
};

TlsContext::TlsContext(std::shared_ptr<Settings> settings) : guarded_(std::make_unique<Guarded>()) {
    guarded_->settings = std::move(settings);
}

TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::make(TlsOptions options) {
    Result<std::shared_ptr<Settings>> made = make_settings(std::move(options));
    if (!made) return made.error();
    return std::shared_ptr<TlsContext>(new TlsContext(std::move(made).value()));
}

Result<std::shared_ptr<TlsContext>> TlsContext::default_client() {
    static const Result<std::shared_ptr<TlsContext>> made = make({});
    return made;
}

Result<void> TlsContext::reload(std::optional<TlsOptions> options) {
    Result<std::shared_ptr<Settings>> made = make_settings(options ? std::move(*options) : settings()->options);
    if (!made) return made.error();
    const std::lock_guard lock(guarded_->mutex);
    guarded_->settings.swap(made.value());
    return {};
}

Result<void> TlsContext::add_certificate(TlsCertificate more) {
    TlsOptions options = settings()->options;
    options.more_certificates.push_back(std::move(more));
    return reload(std::move(options));
}

std::shared_ptr<TlsContext::Settings> TlsContext::settings() const {
    const std::lock_guard lock(guarded_->mutex);
    return guarded_->settings;
}

bool TlsContext::has_certificate() const {
    return settings()->server != nullptr;
}

bool TlsContext::verifies_servers() const {
    return !settings()->options.dangerous_no_verification;
}

Duration TlsContext::handshake_timeout() const {
    return settings()->options.handshake_timeout;
}

// ---- sessions ----

void TlsSessions::put(const std::string& name, Owned<SSL_SESSION> session) {
    const std::lock_guard lock(mutex_);
    if (const auto found = sessions_.find(name); found != sessions_.end()) {
        by_age_.splice(by_age_.end(), by_age_, found->second.age);
        found->second.session = std::move(session);
        return;
    }
    if (sessions_.size() >= limits::tls_sessions) {
        sessions_.erase(by_age_.front());
        by_age_.pop_front();
    }
    const auto age = by_age_.insert(by_age_.end(), name);
    sessions_.emplace(name, Entry{std::move(session), age});
}

Owned<SSL_SESSION> TlsSessions::take(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(name);
    if (found == sessions_.end()) return nullptr;
    Owned<SSL_SESSION> session = std::move(found->second.session);
    by_age_.erase(found->second.age);
    sessions_.erase(found);
    return session;
}

}  // namespace tidemill
