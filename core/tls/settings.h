// Inside the tls floor: what a context holds, and what went wrong, in OpenSSL's words. Includes OpenSSL, so nothing outside this folder
// includes it.
#pragma once
#include <openssl/ssl.h>

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "tidemill/tls/context.h"

namespace tidemill {

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
    void operator()(BIO* bio) const { BIO_free_all(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class T>
using Owned = std::unique_ptr<T, FreeSsl>;

// A client's sessions, one a server name, the oldest given up first. A session is taken, not shared: RFC 8446 C.4 wants a ticket used once.
class TlsSessions {
public:
    void put(const std::string& name, Owned<SSL_SESSION> session);
    Owned<SSL_SESSION> take(const std::string& name);

private:
    struct Entry {
        Owned<SSL_SESSION> session;
        std::list<std::string>::iterator age;
    };
    std::mutex mutex_;
    std::unordered_map<std::string, Entry> sessions_;
    std::list<std::string> by_age_;
};

// OpenSSL keeps the roles' settings in one SSL_CTX, but asking for client certificates and verifying servers are one switch there: two.
struct TlsContext::Settings {
    TlsOptions options;
    Owned<SSL_CTX> client;
    Owned<SSL_CTX> server;  // empty without a certificate
    std::vector<Owned<SSL_CTX>> more_servers;  // the same with more_certificates, in their order
    std::string alpn;  // as on the wire: each name after its length
    TlsSessions sessions;
};

// What OpenSSL noted on this thread, in words, and forgets: "wrong version number".
std::string take_openssl_reason();

}  // namespace tidemill
