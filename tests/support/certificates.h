// The certificates of the tests, made by certificates.sh when first asked for; one folder a process.
#pragma once
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "support/scratch.h"
#include "tidemill/tls/context.h"

namespace tidemill::test {

// The path of a file in that folder: certificate_file("server.pem").
inline std::string certificate_file(const std::string& name) {
    static const Scratch* const scratch = [] {
        static const Scratch made;
        const std::string command = std::string("sh ") + TIDEMILL_TEST_FOLDER + "/support/certificates.sh " + made.path("certificates");
        REQUIRE(std::system(command.c_str()) == 0);
        return &made;
    }();
    return scratch->path("certificates") + "/" + name;
}

using ContextPtr = std::shared_ptr<TlsContext>;

inline ContextPtr context_of(TlsOptions options) {
    Result<ContextPtr> made = TlsContext::make(std::move(options));
    if (!made) FAIL(made.error().text());
    return std::move(made).value();
}

// "server", "second", "stranger", "expired".
inline TlsOptions server_options(const std::string& name = "server") {
    return {.certificate = certificate_file(name + ".pem"), .private_key = certificate_file(name + ".key")};
}
inline TlsOptions client_options() {
    return {.authorities = certificate_file("ca.pem")};
}

// Used by whoever does not care; a stream has one context for both ends.
inline const ContextPtr& plain_context() {
    static const ContextPtr made = [] {
        TlsOptions options = server_options();
        options.authorities = certificate_file("ca.pem");
        return context_of(std::move(options));
    }();
    return made;
}

}  // namespace tidemill::test
