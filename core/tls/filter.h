// TlsFilter: one end of a TLS stream without a stream: cipher text in and out, plain octets in and out. It knows no socket and no clock, so
// it can be tested and fuzzed octet by octet. core/net/tls_transport puts it on a transport.
//
// Both queues of cipher text are bounded (limits::tls_queue): feed() and write() say when they take no more.
// Source: RFC 8446 (TLS 1.3), RFC 5246 (TLS 1.2); ssl(7) of OpenSSL 3.
#pragma once
#include <memory>
#include <string>

#include "tidemill/base/buffer.h"
#include "tidemill/tls/context.h"

struct ssl_st;
struct ssl_session_st;

namespace tidemill {

// What a handshake agreed on.
struct TlsInfo {
    std::string protocol;  // "TLSv1.3"
    std::string cipher;  // "TLS_AES_256_GCM_SHA384"
    std::string alpn;  // "" if none was agreed on
    std::string server_name;  // what the client asked for (SNI); "" if nothing
    bool is_resumed = false;  // a session of before was taken up
    std::string peer_certificate;  // PEM; "" if the peer showed none
    std::string peer_subject;  // RFC 2253: "CN=example.org,O=Example"
};

class TlsFilter {
public:
    // waiting: for octets of the peer, or for room in output(). end: the peer said that no more comes. failed: for good; error() says why.
    enum class Outcome : std::uint8_t { done, waiting, end, failed };
    struct Transfer {
        Outcome outcome;
        std::size_t count = 0;  // octets, for done
    };

    // server_name: for a client, whom it wants to reach: a host name or address; verified unless the context is a dangerous one, which may
    // leave it empty. Errors: argument (nothing to verify), state (a server's context without a certificate), tls.
    static Result<std::unique_ptr<TlsFilter>> make(TlsContext& context, TlsRole role, std::string_view server_name, BlockPool& pool);
    ~TlsFilter();
    TlsFilter(const TlsFilter&) = delete;
    TlsFilter& operator=(const TlsFilter&) = delete;

    // Cipher text from the peer; answers how many octets were taken. Fewer than given: handshake() or read() makes room.
    std::size_t feed(Bytes cipher);
    std::size_t room() const;
    // The stream below ended: what was fed is still read; if it lacks the peer's goodbye (close_notify), that is a failure.
    void feed_end() { has_input_ended_ = true; }

    // Cipher text for the peer: peek and consume it. A failure may leave an alert here that is worth sending.
    Buffer& output() { return output_; }
    const Buffer& output() const { return output_; }

    // Goes on with the handshake as far as what was fed allows.
    Outcome handshake();
    bool is_established() const { return is_established_; }

    // Plain octets; only once it is established.
    Transfer read(char* data, std::size_t size);
    Transfer write(Bytes octets);
    // Says that no more comes (close_notify), after what was written. Twice is once; before the handshake is done it is nothing.
    void end_write();

    // Whether reading stands still until output() has room: the peer makes us answer and does not read the answers. What was written does
    // not count here: two peers that write much at the same time would wait for each other.
    bool is_held_up() const { return output_.size() >= 2 * limits::tls_queue; }

    // Code tls, with OpenSSL's reason and that of a certificate that was refused. Set after failed.
    const Error& error() const { return error_; }
    TlsInfo info() const;

private:
    struct Bio;
    friend int keep_session(ssl_st* ssl, ssl_session_st* session);

    explicit TlsFilter(BlockPool& pool);
    Result<void> set_up(TlsContext& context, TlsRole role, std::string_view server_name);
    Result<void> set_up_client(std::string_view server_name);
    Outcome outcome_of(int result);
    Outcome fail(std::string reason);
    std::string failure_reason();

    struct FreeSsl {
        void operator()(ssl_st* ssl) const;
    };

    Buffer input_;
    Buffer output_;
    std::shared_ptr<TlsContext::Settings> settings_;  // must outlive ssl_
    std::string server_name_;
    std::unique_ptr<ssl_st, FreeSsl> ssl_;
    Error error_;
    bool has_input_ended_ = false;
    bool is_established_ = false;
    bool has_peer_ended_ = false;
    bool has_ended_writing_ = false;
};

}  // namespace tidemill
