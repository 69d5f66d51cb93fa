// Party: one end of a connection in a test: what it was told, in order, and what it does when it is told.
#pragma once
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "tidemill/net/net.h"

namespace tidemill::test {

struct Party {
    // "open data drain shutdown end close(CODE)" or "close(ERRNO)", "close" after an orderly end, "proxied" for on_proxy_end likewise;
    // neighbouring "data" are merged, as the system may cut octets anywhere.
    std::string trace;
    std::string received;
    Connection* connection = nullptr;  // nullptr once on_close has been
    SourceId id = 0;
    Error reason;
    int handlers = 0;  // how many handlers of this party live

    std::function<void(Connection&)> on_open;
    std::function<void(Connection&, Bytes)> on_data;
    std::function<void(Connection&, const TlsInfo&)> on_tls;  // not in the trace, which is the same with and without TLS
    std::function<void(Connection&)> on_drain;
    std::function<void(Connection&)> on_shutdown;
    std::function<void(Connection&)> on_proxy_end;
    std::function<void(Connection&)> on_end;  // empty: the default, which closes
    std::function<void(Connection&)> on_close;
    std::function<bool(Connection&, const std::exception_ptr&)> on_error;

    bool is_closed() const { return trace.find("close") != std::string::npos; }
    bool is_open() const { return trace.starts_with("open") && !is_closed(); }
    bool has_ended() const { return trace.find("end") != std::string::npos; }

    void note(std::string_view word) {
        if (word == "data" && trace.ends_with("data")) return;
        if (!trace.empty()) trace += ' ';
        trace += word;
    }
    void note(const std::string& word, const Error& why) {
        note(!why.is_set() ? word : word + "(" + std::string(why.os != 0 ? errno_name(why.os) : code_name(why.code)) + ")");
    }
};

using PartyPtr = std::shared_ptr<Party>;

class PartyHandler final : public Handler {
public:
    explicit PartyHandler(PartyPtr party) : party_(std::move(party)) { ++party_->handlers; }
    ~PartyHandler() override { --party_->handlers; }

    void on_open(Connection& connection) override {
        party_->connection = &connection;
        party_->id = connection.id();
        party_->note("open");
        if (party_->on_open) party_->on_open(connection);
    }
    void on_data(Connection& connection, Bytes octets) override {
        party_->note("data");
        party_->received += octets;
        if (party_->on_data) party_->on_data(connection, octets);
    }
    void on_tls(Connection& connection, const TlsInfo& info) override {
        if (party_->on_tls) party_->on_tls(connection, info);
    }
    void on_drain(Connection& connection) override {
        party_->note("drain");
        if (party_->on_drain) party_->on_drain(connection);
    }
    void on_shutdown(Connection& connection) override {
        party_->note("shutdown");
        if (party_->on_shutdown) party_->on_shutdown(connection);
    }
    void on_proxy_end(Connection& connection, const Error& reason) override {
        party_->note("proxied", reason);
        if (party_->on_proxy_end) party_->on_proxy_end(connection);
    }
    void on_end(Connection& connection) override {
        party_->note("end");
        party_->on_end ? party_->on_end(connection) : Handler::on_end(connection);
    }
    void on_close(Connection& connection, const Error& reason) override {
        party_->reason = reason;
        party_->connection = nullptr;
        party_->note("close", reason);
        if (party_->on_close) party_->on_close(connection);
    }
    bool on_error(Connection& connection, const std::exception_ptr& exception) override {
        return party_->on_error && party_->on_error(connection, exception);
    }

private:
    PartyPtr party_;
};

inline HandlerPtr handler_of(const PartyPtr& party) {
    return HandlerPtr(new PartyHandler(party));
}

inline std::string message_of(const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& raised) {
        return raised.what();
    }
}

}  // namespace tidemill::test
