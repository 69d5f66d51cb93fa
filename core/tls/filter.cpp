#include "tidemill/tls/filter.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "tidemill/tls/settings.h"

namespace tidemill {

// ---- what OpenSSL reads from and writes to ----

// A BIO over the filter's two buffers, whose blocks go back to the pool as soon as they are empty: OpenSSL's own memory BIO keeps what it
// once grew to, for every idle stream.
struct TlsFilter::Bio {
    static TlsFilter& filter_of(BIO* bio) { return *static_cast<TlsFilter*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* data, int size) {
        TlsFilter& filter = filter_of(bio);
        BIO_clear_retry_flags(bio);
        if (filter.input_.is_empty()) {
            if (filter.has_input_ended_) return 0;
            BIO_set_retry_read(bio);
            return -1;
        }
        Slice slice;
        filter.input_.peek(&slice, 1);
        const std::size_t count = std::min(slice.size, static_cast<std::size_t>(size));
        std::memcpy(data, slice.data, count);
        filter.input_.consume(count);
        return static_cast<int>(count);
    }

    static int write(BIO* bio, const char* data, int size) {
        TlsFilter& filter = filter_of(bio);
        BIO_clear_retry_flags(bio);
        // Never in the midst of write(), which begins only below the limit. A peer that makes us answer and does not read comes here.
        if (filter.is_held_up()) {
            BIO_set_retry_write(bio);
            return -1;
        }
        filter.output_.append({data, static_cast<std::size_t>(size)});
        return size;
    }

    static long control(BIO* bio, int command, long, void*) {
        if (command == BIO_CTRL_FLUSH) return 1;
        if (command == BIO_CTRL_EOF) return filter_of(bio).has_input_ended_ && filter_of(bio).input_.is_empty() ? 1 : 0;
        return 0;
    }

    static const BIO_METHOD* method() {
        static const BIO_METHOD* const made = [] {
            BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tidemill buffers");
            BIO_meth_set_read(fresh, read);
            BIO_meth_set_write(fresh, write);
            BIO_meth_set_ctrl(fresh, control);
            return fresh;
        }();
        return made;
    }
};

// ---- making ----

TlsFilter::TlsFilter(BlockPool& pool) : input_(pool), output_(pool) {}
TlsFilter::~TlsFilter() = default;

void TlsFilter::FreeSsl::operator()(ssl_st* ssl) const {
    // A stream that was cut short would take its session with it, a rule that TLS 1.1 gave up (RFC 4346 7.2.1).
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
}

Result<std::unique_ptr<TlsFilter>> TlsFilter::make(TlsContext& context, TlsRole role, std::string_view server_name, BlockPool& pool) {
    std::unique_ptr<TlsFilter> filter(new TlsFilter(pool));
    if (Result<void> ready = filter->set_up(context, role, server_name); !ready) return ready.error();
    return filter;
}

Result<void> TlsFilter::set_up(TlsContext& context, TlsRole role, std::string_view server_name) {
    ERR_clear_error();
    settings_ = context.settings();
    SSL_CTX* made_from = role == TlsRole::client ? settings_->client.get() : settings_->server.get();
    if (made_from == nullptr) return make_error(ErrorCode::state, "start TLS", {}, "a server's TLS context needs a certificate");
    ssl_.reset(SSL_new(made_from));
    BIO* bio = ssl_ ? BIO_new(Bio::method()) : nullptr;
    if (bio == nullptr) return make_error(ErrorCode::tls, "start TLS", {}, take_openssl_reason());
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    if (role == TlsRole::server) {
        SSL_set_accept_state(ssl_.get());
        return {};
    }
    SSL_set_connect_state(ssl_.get());
    return set_up_client(server_name);
}

Result<void> TlsFilter::set_up_client(std::string_view server_name) {
    server_name_ = server_name;
    // A final dot says that the name is complete; it belongs to DNS, not to the name in certificates and SNI (RFC 6066 3).
    if (server_name_.size() > 1 && server_name_.back() == '.') server_name_.pop_back();
    const bool is_verified = !settings_->options.dangerous_no_verification;
    if (server_name_.empty()) {
        if (!is_verified) return {};
        return make_error(ErrorCode::argument, "start TLS", {}, "server_name is missing: whose certificate should the peer show?");
    }
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl_.get());
    const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(verify, server_name_.c_str()) == 1;
    bool is_set = true;
    if (!is_address) {
        SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        is_set = SSL_set1_host(ssl_.get(), server_name_.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_.get(), server_name_.c_str()) == 1;
    }
    ERR_clear_error();
    if (!is_set) return make_error(ErrorCode::argument, "start TLS", {}, "the server name cannot be used");
    if (const Owned<SSL_SESSION> session = settings_->sessions.take(server_name_)) SSL_set_session(ssl_.get(), session.get());
    return {};
}

// A server gave its client a session (RFC 8446 4.6.1): called by OpenSSL; 1 keeps the reference.
int keep_session(ssl_st* ssl, ssl_session_st* session) {
    const TlsFilter& filter = *static_cast<TlsFilter*>(SSL_get_app_data(ssl));
    if (filter.server_name_.empty()) return 0;
    filter.settings_->sessions.put(filter.server_name_, Owned<SSL_SESSION>(session));
    return 1;
}

// ---- cipher text ----

std::size_t TlsFilter::room() const {
    return limits::tls_queue - std::min(limits::tls_queue, input_.size());
}

std::size_t TlsFilter::feed(Bytes cipher) {
    const std::size_t count = std::min(cipher.size(), room());
    input_.append(cipher.substr(0, count));
    return count;
}

// ---- the handshake and plain octets ----

TlsFilter::Outcome TlsFilter::handshake() {
    if (error_.is_set()) return Outcome::failed;
    if (is_established_) return Outcome::done;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result != 1) {
        const Outcome outcome = outcome_of(result);
        return outcome == Outcome::end ? fail("the peer ended the stream during the handshake") : outcome;
    }
    is_established_ = true;
    // A TLS 1.2 server need not give a new session to one that comes with an old: that one is good for the next time too.
    if (SSL_is_server(ssl_.get()) == 0 && SSL_session_reused(ssl_.get()) == 1 && SSL_version(ssl_.get()) < TLS1_3_VERSION) {
        settings_->sessions.put(server_name_, Owned<SSL_SESSION>(SSL_get1_session(ssl_.get())));
    }
    return Outcome::done;
}

TlsFilter::Transfer TlsFilter::read(char* data, std::size_t size) {
    if (error_.is_set()) return {Outcome::failed};
    if (has_peer_ended_) return {Outcome::end};
    if (!is_established_) return {Outcome::waiting};
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), data, size, &count);
    if (result == 1) return {Outcome::done, count};
    return {outcome_of(result)};
}

TlsFilter::Transfer TlsFilter::write(Bytes octets) {
    if (error_.is_set()) return {Outcome::failed};
    if (!is_established_ || has_ended_writing_ || output_.size() >= limits::tls_queue) return {Outcome::waiting};
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_write_ex(ssl_.get(), octets.data(), octets.size(), &count);
    if (result == 1) return {Outcome::done, count};
    return {outcome_of(result)};
}

void TlsFilter::end_write() {
    if (error_.is_set() || !is_established_ || std::exchange(has_ended_writing_, true)) return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

// ---- what went wrong ----

TlsFilter::Outcome TlsFilter::outcome_of(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return Outcome::waiting;
        case SSL_ERROR_ZERO_RETURN:
            has_peer_ended_ = true;
            return Outcome::end;
        default:
            return fail(failure_reason());
    }
}

TlsFilter::Outcome TlsFilter::fail(std::string reason) {
    error_ = make_error(ErrorCode::tls, is_established_ ? "TLS" : "TLS handshake", {}, reason);
    ERR_clear_error();
    return Outcome::failed;
}

std::string TlsFilter::failure_reason() {
    const unsigned long first = ERR_peek_error();
    if (ERR_GET_LIB(first) == ERR_LIB_SSL && ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return is_established_ ? "the peer ended the stream without close_notify: it may have been cut short"
                               : "the peer ended the stream during the handshake";
    }
    std::string reason = take_openssl_reason();
    const long verdict = SSL_get_verify_result(ssl_.get());
    if (verdict != X509_V_OK && !is_established_) reason.append(": ").append(X509_verify_cert_error_string(verdict));
    return reason.empty() ? "the peer broke the protocol" : reason;
}

// ---- asking ----

static std::string take_text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string{};
}

static void describe_certificate(X509* certificate, TlsInfo& info) {
    const Owned<BIO> pem(BIO_new(BIO_s_mem()));
    if (pem && PEM_write_bio_X509(pem.get(), certificate) == 1) info.peer_certificate = take_text(pem.get());
    const Owned<BIO> subject(BIO_new(BIO_s_mem()));
    // UTF-8 as it is; everything that could be taken for another field is escaped.
    const unsigned long form = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (subject && X509_NAME_print_ex(subject.get(), X509_get_subject_name(certificate), 0, form) >= 0) {
        info.peer_subject = take_text(subject.get());
    }
}

TlsInfo TlsFilter::info() const {
    TlsInfo info;
    SSL* ssl = ssl_.get();
    info.protocol = SSL_get_version(ssl);
    if (const char* cipher = SSL_get_cipher_name(ssl)) info.cipher = cipher;
    const unsigned char* alpn = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl, &alpn, &size);
    if (size != 0) info.alpn.assign(reinterpret_cast<const char*>(alpn), size);
    if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) info.server_name = name;
    info.is_resumed = SSL_session_reused(ssl) == 1;
    if (X509* certificate = SSL_get0_peer_certificate(ssl)) describe_certificate(certificate, info);
    return info;
}

}  // namespace tidemill
