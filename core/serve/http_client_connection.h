// HttpClientConnection: the HTTP engine as a client on one connection of a pool. Internal to http_client.h.
#pragma once
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "tidemill/proto/http.h"
#include "tidemill/serve/driver.h"
#include "tidemill/serve/http_pool.h"

namespace tidemill {

class HttpExchange;

class HttpClientConnection final : public DriverBase {
public:
    // exchange: the first one. tunnel: whether the proxy that this connects to is to make a way to the exchange's host.
    HttpClientConnection(std::shared_ptr<HttpPool> pool, std::shared_ptr<HttpExchange> exchange, bool is_tunnel);
    ~HttpClientConnection() override;

    const std::string& origin() const { return origin_; }
    Connection& connection() { return *connection_; }

    // An idle one gets its next exchange.
    void begin(std::shared_ptr<HttpExchange> exchange);
    // The exchange has been given up, and with it this connection.
    void drop_exchange();
    void set_paused(bool is_paused);
    void set_background(bool is_on) { connection_->reactor().set_background(*connection_, is_on); }

    // ---- for the exchange's body: what Connection::write answers, the engine's error

    Result<WriteResult> write(Bytes data);
    Result<void> finish();

    // ---- Handler

    void attached(Connection& connection) override { connection_ = &connection; }
    void receive_open(Connection& connection) override;
    void on_tls(Connection& connection, const TlsInfo& info) override;
    void receive(Connection& connection, Bytes octets) override;
    void receive_end(Connection& connection) override;
    void go_on(Connection& connection) override;
    void receive_drain(Connection& connection) override;
    void receive_shutdown(Connection& connection) override;
    void receive_close(Connection& connection, const Error& reason) override;

private:
    template <class Call>
    void tell(Call call);
    void run();
    bool step();
    void take(const HttpEvent& event);
    void take_end(HttpFields trailers);
    void settle();
    void fail();
    void send_request();

    // http_tunnel.cpp
    void ask_for_tunnel();
    void take_tunnel(const HttpEvent& event);
    void enter_tunnel();
    void refuse_tunnel(std::string_view why);

    std::shared_ptr<HttpPool> pool_;
    std::shared_ptr<HttpExchange> exchange_;
    std::string origin_;
    Connection* connection_ = nullptr;
    std::optional<HttpEngine> engine_;
    TimePoint began_{};  // connecting, for the deadline of the tunnel
    std::exception_ptr failure_;
    std::size_t served_ = 0;
    bool has_answer_begun_ = false;  // an octet of it is there
    bool is_tunnel_ = false;  // until the way is made
    bool is_idle_ = false;
    bool is_over_ = false;
};

}  // namespace tidemill
