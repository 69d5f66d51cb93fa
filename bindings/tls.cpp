#include "bindings/tls.h"

#include "bindings/facade.h"

namespace tidemill::script {

static ClientCertificates client_certificates_of(Bytes text) {
    if (text.empty() || text == "none") return ClientCertificates::none;
    if (text == "optional") return ClientCertificates::optional;
    if (text == "required") return ClientCertificates::required;
    throw Failure{make_error(ErrorCode::argument, "make a TLS context", {}, "client_certificates is none, optional or required")};
}

static std::vector<std::string> names_of(Bytes list) {
    std::vector<std::string> names;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        names.emplace_back(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return names;
}

TlsCore::TlsCore(Bytes certificate, Bytes private_key, Bytes key_password, Bytes authorities, Bytes alpn, Bytes client_certificates,
                 bool needs_tls13, bool dangerous_no_verification, double handshake_timeout) {
    options_.certificate = certificate;
    options_.private_key = private_key;
    options_.key_password = key_password;
    options_.authorities = authorities;
    options_.alpn = names_of(alpn);
    options_.client_certificates = client_certificates_of(client_certificates);
    options_.needs_tls13 = needs_tls13;
    options_.dangerous_no_verification = dangerous_no_verification;
    options_.handshake_timeout = seconds_to_duration(handshake_timeout, "make a TLS context");
    Result<std::shared_ptr<TlsContext>> made = TlsContext::make(options_);
    if (!made) throw Failure{made.error()};
    context_ = std::move(made).value();
}

void TlsCore::renew(Bytes certificate, Bytes private_key, Bytes key_password) {
    TlsOptions options = options_;
    if (!certificate.empty() || !private_key.empty()) {
        options.certificate = certificate;
        options.private_key = private_key;
        options.key_password = key_password;
    }
    reload(std::move(options));
}

void TlsCore::add_certificate(Bytes certificate, Bytes private_key, Bytes key_password) {
    TlsOptions options = options_;
    options.more_certificates.push_back({std::string(certificate), std::string(private_key), std::string(key_password)});
    reload(std::move(options));
}

void TlsCore::reload(TlsOptions options) {
    if (Result<void> reloaded = context_->reload(options); !reloaded) throw Failure{reloaded.error()};
    options_ = std::move(options);
}

void connection_start_tls(ScriptHandler& handler, TlsCore* context, Bytes server_name) {
    Connection* connection = handler.connection();
    if (connection == nullptr) {
        const bool was_there = handler.was_attached();
        throw Failure{make_error(was_there ? ErrorCode::closed : ErrorCode::state, "start_tls", {},
                                 was_there ? "the connection is closed" : "the connection has not been started")};
    }
    if (Result<void> started = connection->start_tls(context_of(context), server_name); !started) throw Failure{started.error()};
}

// ---- what was agreed on ----

static thread_local TlsInfo lent_info;

bool connection_has_tls(ScriptHandler& handler) {
    std::optional<TlsInfo> info = handler.connection() != nullptr ? handler.connection()->tls() : std::nullopt;
    if (!info) return false;
    lent_info = std::move(*info);
    return true;
}

Bytes connection_tls_field(int field) {
    const Bytes fields[] = {lent_info.protocol,
                            lent_info.cipher,
                            lent_info.alpn,
                            lent_info.server_name,
                            lent_info.peer_certificate,
                            lent_info.peer_subject,
                            lent_info.is_resumed ? "resumed" : ""};
    return field >= 0 && field < 7 ? fields[field] : Bytes{};
}

}  // namespace tidemill::script
