#include "tidemill/tls/filter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "support/certificates.h"

using namespace tidemill;
using namespace tidemill::test;
using Outcome = TlsFilter::Outcome;

namespace {

using FilterPtr = std::unique_ptr<TlsFilter>;

// Two filters and the wire between them, which carries at most `step` octets at a time.
struct Ends {
    Ends(const ContextPtr& client_context, const ContextPtr& server_context, std::string_view name = "localhost",
         std::size_t at_once = 100'000)
        : client(make(client_context, TlsRole::client, name)), server(make(server_context, TlsRole::server, {})), step(at_once) {}

    FilterPtr make(const ContextPtr& context, TlsRole role, std::string_view name) {
        Result<FilterPtr> made = TlsFilter::make(*context, role, name, pool);
        REQUIRE(made.ok());
        return std::move(made).value();
    }

    // One portion; false: there was none.
    bool carry(TlsFilter& from, TlsFilter& to) const {
        Slice slice;
        if (from.output().peek(&slice, 1) == 0) return false;
        const std::size_t count = to.feed({slice.data, std::min(slice.size, step)});
        from.output().consume(count);
        return count != 0;
    }

    // Both handshakes as far as they go.
    void shake() const {
        bool has_moved = true;
        while (has_moved) {
            client->handshake();
            has_moved = carry(*client, *server);
            server->handshake();
            has_moved = carry(*server, *client) || has_moved;
        }
        client->handshake();
    }

    std::string receive(TlsFilter& from, TlsFilter& to) {
        std::string received;
        do {
            for (;;) {
                char octets[1000];
                const TlsFilter::Transfer got = to.read(octets, sizeof octets);
                last = got.outcome;
                if (got.outcome != Outcome::done) break;
                received.append(octets, got.count);
            }
        } while (carry(from, to));
        return received;
    }

    BlockPool pool;
    FilterPtr client;
    FilterPtr server;
    std::size_t step;
    Outcome last = Outcome::waiting;
};

std::string failure_of(const FilterPtr& filter) {
    return filter->error().is_set() ? filter->error().detail : "no failure";
}

TlsOptions client_with(const std::string& name) {
    TlsOptions options = server_options(name);
    options.authorities = certificate_file("ca.pem");
    return options;
}

}  // namespace

TEST_CASE("filter_carries_octets_both_ways_at_every_cut") {
    for (const std::size_t step : {1u, 2u, 3u, 5u, 7u, 100u, 1000u, 100'000u}) {
        CAPTURE(step);
        Ends ends(plain_context(), plain_context(), "localhost", step);
        ends.shake();
        REQUIRE(ends.client->is_established());
        REQUIRE(ends.server->is_established());
        CHECK(ends.client->write("a question").count == 10);
        CHECK(ends.receive(*ends.client, *ends.server) == "a question");
        CHECK(ends.server->write("an answer").count == 9);
        CHECK(ends.receive(*ends.server, *ends.client) == "an answer");
        ends.client->end_write();
        CHECK(ends.receive(*ends.client, *ends.server).empty());
        CHECK(ends.last == Outcome::end);
        CHECK(ends.server->write("still").outcome == Outcome::done);
        CHECK(ends.receive(*ends.server, *ends.client) == "still");
    }
}

TEST_CASE("filter_tells_what_was_agreed_on") {
    TlsOptions options = client_options();
    options.alpn = {"h3", "h2"};
    const ContextPtr client = context_of(options);
    options = server_options();
    options.alpn = {"http/1.1", "h2"};
    Ends ends(client, context_of(options), "example.test");
    ends.shake();
    REQUIRE(ends.client->is_established());
    const TlsInfo info = ends.client->info();
    CHECK(info.protocol == "TLSv1.3");
    CHECK(info.cipher.starts_with("TLS_"));
    CHECK(info.alpn == "h2");
    CHECK(info.server_name == "example.test");
    CHECK_FALSE(info.is_resumed);
    CHECK(info.peer_subject == "CN=server");
    CHECK(info.peer_certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    CHECK(ends.server->info().server_name == "example.test");
    CHECK(ends.server->info().peer_certificate.empty());
}

TEST_CASE("filter_without_a_shared_protocol_fails") {
    TlsOptions options = client_options();
    options.alpn = {"one"};
    const ContextPtr client = context_of(options);
    options = server_options();
    options.alpn = {"two"};
    Ends ends(client, context_of(options));
    ends.shake();
    CHECK(failure_of(ends.server) == "no application protocol");
    CHECK(failure_of(ends.client) == "tlsv1 alert no application protocol");
}

TEST_CASE("filter_client_refuses_a_server_it_cannot_verify") {
    const struct {
        const char* certificate;
        const char* name;
        const char* reason;
    } cases[] = {{"server", "elsewhere.test", "certificate verify failed: hostname mismatch"},
                 {"server", "127.0.0.2", "certificate verify failed: IP address mismatch"},
                 {"stranger", "localhost", "certificate verify failed: unable to get local issuer certificate"},
                 {"expired", "localhost", "certificate verify failed: certificate has expired"},
                 {"client", "localhost", "certificate verify failed: unsuitable certificate purpose"}};
    for (const auto& [certificate, name, reason] : cases) {
        CAPTURE(certificate);
        Ends ends(context_of(client_options()), context_of(server_options(certificate)), name);
        ends.shake();
        CHECK(failure_of(ends.client) == reason);
        CHECK_FALSE(ends.client->is_established());
        CHECK(failure_of(ends.server).find("alert") != std::string::npos);
    }
}

TEST_CASE("filter_names_are_verified_with_a_final_dot_and_as_addresses") {
    for (const char* name : {"localhost", "LOCALHOST", "example.test.", "127.0.0.1", "::1"}) {
        CAPTURE(name);
        Ends ends(context_of(client_options()), plain_context(), name);
        ends.shake();
        CHECK(ends.client->is_established());
    }
}

TEST_CASE("filter_without_verification_talks_to_anybody") {
    Ends ends(context_of({.dangerous_no_verification = true}), context_of(server_options("expired")), "");
    ends.shake();
    CHECK(ends.client->is_established());
}

TEST_CASE("filter_that_cannot_begin_is_refused") {
    BlockPool pool;
    CHECK(TlsFilter::make(*plain_context(), TlsRole::client, "", pool).error().code == ErrorCode::argument);
    CHECK(TlsFilter::make(*context_of({}), TlsRole::server, "", pool).error().code == ErrorCode::state);
}

TEST_CASE("filter_server_asks_for_a_client_certificate") {
    for (const ClientCertificates wish : {ClientCertificates::optional, ClientCertificates::required}) {
        TlsOptions options = client_with("server");
        options.client_certificates = wish;
        const ContextPtr server = context_of(options);
        Ends good(context_of(client_with("client")), server);
        good.shake();
        REQUIRE(good.server->is_established());
        CHECK(good.server->info().peer_subject == "CN=client");
        Ends without(context_of(client_options()), server);
        without.shake();
        CHECK(without.server->is_established() == (wish == ClientCertificates::optional));
        if (wish == ClientCertificates::required) CHECK(failure_of(without.server) == "peer did not return a certificate");
        Ends bad(context_of(client_with("stranger")), server);
        bad.shake();
        CHECK(failure_of(bad.server).starts_with("certificate verify failed"));
        CHECK(bad.receive(*bad.server, *bad.client).empty());
        CHECK(bad.last == Outcome::failed);
    }
}

TEST_CASE("filter_second_stream_resumes_the_session") {
    const ContextPtr client = context_of(client_options());
    for (int round = 0; round < 3; ++round) {
        Ends ends(client, plain_context());
        ends.shake();
        ends.receive(*ends.server, *ends.client);  // the ticket comes after the handshake
        CHECK(ends.client->info().is_resumed == (round > 0));
        CHECK(ends.server->info().is_resumed == (round > 0));
        CHECK(ends.client->info().peer_subject == "CN=server");
    }
    Ends other(client, plain_context(), "example.test");
    other.shake();
    CHECK_FALSE(other.client->info().is_resumed);
}

TEST_CASE("filter_after_a_reload_shows_the_new_certificate") {
    const ContextPtr client = context_of(client_options());
    const ContextPtr server = context_of(server_options());
    Ends before(client, server);
    before.shake();
    before.receive(*before.server, *before.client);
    REQUIRE(server->reload(server_options("second")).ok());
    Ends after(client, server);
    after.shake();
    CHECK(after.client->info().peer_subject == "CN=second");
    CHECK_FALSE(after.client->info().is_resumed);
    CHECK(before.client->write("goes on").count == 7);
    CHECK(before.receive(*before.client, *before.server) == "goes on");
}

static TlsCertificate another(const std::string& name) {
    return {.certificate = certificate_file(name + ".pem"), .private_key = certificate_file(name + ".key")};
}

TEST_CASE("filter_server_shows_the_certificate_that_is_asked_for") {
    TlsOptions options = server_options();
    options.more_certificates = {another("other"), another("second")};
    const ContextPtr server = context_of(options);
    const ContextPtr client = context_of(client_options());
    const auto subject_for = [&](std::string_view name) {
        Ends ends(client, server, name);
        ends.shake();
        ends.receive(*ends.server, *ends.client);  // the tickets
        if (ends.client->error().is_set()) return std::string(code_name(ends.client->error().code));
        CHECK(ends.server->info().server_name == (name.front() == '1' ? "" : name));
        return ends.client->info().peer_subject;
    };
    // Twice: the second time with the session of the first one.
    for (int round = 0; round < 2; ++round) {
        CAPTURE(round);
        CHECK(subject_for("other.test") == "CN=other");
        CHECK(subject_for("any.wild.test") == "CN=other");
        CHECK(subject_for("example.test") == "CN=server");  // in the second one as well, which is behind
        CHECK(subject_for("127.0.0.1") == "CN=server");     // addresses are no names (RFC 6066 3)
        CHECK(subject_for("nowhere.test") == "tls");
    }
}

TEST_CASE("filter_server_asks_for_client_certificates_whichever_it_shows") {
    TlsOptions options = server_options();
    options.authorities = certificate_file("ca.pem");
    options.client_certificates = ClientCertificates::required;
    options.alpn = {"b", "a"};
    options.more_certificates = {another("other")};
    const ContextPtr server = context_of(options);
    TlsOptions known = client_with("client");
    known.alpn = {"a"};
    for (const std::string name : {"example.test", "other.test"}) {
        CAPTURE(name);
        Ends good(context_of(known), server, name);
        good.shake();
        CHECK(good.server->info().peer_subject == "CN=client");
        CHECK(good.client->info().alpn == "a");
        Ends bad(context_of(client_options()), server, name);
        bad.shake();
        CHECK(bad.server->error().is_set());
    }
}

TEST_CASE("tls_context_takes_more_certificates_while_it_is_used") {
    const ContextPtr server = context_of(server_options());
    const ContextPtr client = context_of(client_options());
    REQUIRE(server->add_certificate(another("other")).ok());
    CHECK_FALSE(server->add_certificate(another("nowhere")).ok());
    CHECK_FALSE(server->add_certificate({}).ok());
    REQUIRE(server->reload().ok());
    Ends ends(client, server, "other.test");
    ends.shake();
    CHECK(ends.client->info().peer_subject == "CN=other");
    CHECK(client->add_certificate(another("other")).error().code == ErrorCode::argument);  // it has no first one
}

TEST_CASE("filter_input_that_ends_without_goodbye_fails") {
    Ends ends(plain_context(), plain_context());
    ends.shake();
    ends.client->write("half of it");
    CHECK(ends.receive(*ends.client, *ends.server) == "half of it");
    ends.server->feed_end();
    CHECK(ends.receive(*ends.client, *ends.server).empty());
    CHECK(ends.last == Outcome::failed);
    CHECK(failure_of(ends.server).find("close_notify") != std::string::npos);
}

TEST_CASE("filter_input_that_ends_in_the_handshake_fails") {
    Ends ends(plain_context(), plain_context());
    ends.server->feed_end();
    CHECK(ends.server->handshake() == Outcome::failed);
    CHECK(failure_of(ends.server) == "the peer ended the stream during the handshake");
}

TEST_CASE("filter_garbage_fails_with_a_reason") {
    for (const std::string_view garbage : {"GET / HTTP/1.1\r\n\r\n", "hello, is anybody there?", "\x16\x03\x01\xff\xff garbage"}) {
        Ends ends(plain_context(), plain_context());
        ends.server->feed(garbage);
        ends.server->feed_end();
        CHECK(ends.server->handshake() == Outcome::failed);
        CHECK(ends.server->error().code == ErrorCode::tls);
        CHECK_FALSE(failure_of(ends.server).empty());
    }
}

TEST_CASE("filter_changed_octets_fail") {
    Ends ends(plain_context(), plain_context());
    ends.shake();
    ends.receive(*ends.server, *ends.client);
    ends.client->write("pay 10");
    Slice slice;
    REQUIRE(ends.client->output().peek(&slice, 1) == 1);
    std::string changed(slice.data, slice.size);
    changed[changed.size() - 3] ^= 1;
    ends.client->output().clear();
    ends.server->feed(changed);
    CHECK(ends.receive(*ends.client, *ends.server).empty());
    CHECK(ends.last == Outcome::failed);
    CHECK(failure_of(ends.server) == "decryption failed or bad record mac");
}

TEST_CASE("filter_queues_are_bounded") {
    Ends ends(plain_context(), plain_context());
    ends.shake();
    const std::string block(1'000'000, 'x');
    std::size_t written = 0;
    for (;;) {
        const TlsFilter::Transfer taken = ends.client->write(Bytes(block).substr(written));
        if (taken.outcome != Outcome::done) break;
        written += taken.count;
    }
    CHECK(written < 2 * limits::tls_queue);
    CHECK(ends.client->output().size() < 2 * limits::tls_queue);
    std::size_t fed = 0;
    while (ends.server->room() > 0) fed += ends.server->feed(block);
    CHECK(fed == limits::tls_queue);
}

TEST_CASE("tls_context_that_cannot_work_says_why") {
    const auto error_of = [](TlsOptions options) {
        const Result<ContextPtr> made = TlsContext::make(std::move(options));
        return made ? Error{} : made.error();
    };
    const std::string certificate = certificate_file("server.pem");
    CHECK(error_of({.certificate = "/nowhere/at/all.pem"}).os == ENOENT);
    CHECK(error_of({.certificate = "/nowhere/at/all.pem"}).endpoint == "/nowhere/at/all.pem");
    CHECK(error_of({.certificate = "/etc/passwd"}).code == ErrorCode::tls);
    CHECK(error_of({.certificate = certificate, .private_key = certificate_file("second.key")}).code == ErrorCode::tls);
    CHECK(error_of({.certificate = certificate}).code == ErrorCode::tls);  // no key in it
    CHECK(error_of({.private_key = certificate_file("server.key")}).code == ErrorCode::argument);
    CHECK(error_of({.authorities = "/nowhere"}).os == ENOENT);
    CHECK(error_of({.alpn = {""}}).code == ErrorCode::argument);
    CHECK(error_of({.client_certificates = ClientCertificates::required}).code == ErrorCode::argument);
    CHECK(error_of({.certificate = certificate, .private_key = certificate_file("locked.key")}).code == ErrorCode::tls);
    TlsOptions locked{.certificate = certificate, .private_key = certificate_file("locked.key"), .key_password = "wrong"};
    CHECK(error_of(locked).code == ErrorCode::tls);
    locked.key_password = "secret";
    CHECK_FALSE(error_of(locked).is_set());
}

TEST_CASE("tls_context_reload_that_fails_changes_nothing") {
    const ContextPtr server = context_of(server_options());
    CHECK_FALSE(server->reload(TlsOptions{.certificate = "/nowhere"}).ok());
    Ends ends(plain_context(), server);
    ends.shake();
    CHECK(ends.client->info().peer_subject == "CN=server");
}
