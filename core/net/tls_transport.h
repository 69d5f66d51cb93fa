// TLS over any other transport: a TlsFilter between the connection and the octets below. The connection drives the handshake
// (connection_tls.cpp); afterwards it reads and writes as on any transport.
#pragma once
#include <memory>
#include <string>

#include "tidemill/net/transport.h"
#include "tidemill/reactor/reactor.h"
#include "tidemill/tls/filter.h"

namespace tidemill {

class TlsTransport final : public Transport {
public:
    // below: attached to the owner already. is_named_tls: its ends are tls://host:port and not tcp://host:port.
    TlsTransport(Reactor& reactor, const Source& owner, std::unique_ptr<Transport> below, std::unique_ptr<TlsFilter> filter,
                 bool is_named_tls);
    ~TlsTransport() override { deadline.cancel(); }

    // waiting: the owner is reported to when it can go on.
    TlsFilter::Outcome shake_hands();
    bool is_established() const { return filter_->is_established(); }
    TlsInfo info() const { return filter_->info(); }

    // Octets that belong before the handshake, in plain text.
    void send_first(Buffer& plain);

    // Hands cipher text down, as much as goes. would_block: more is left, and writing was armed.
    IoResult push();
    bool is_pushed() const { return filter_->output().is_empty(); }
    // Says goodbye (close_notify), after what was written; push() sends it.
    void end_write();

    // After a failure: what still comes is no TLS to us, and whoever lingers drops it as it is.
    void read_as_it_is() { is_read_as_it_is_ = true; }

    // For the handshake; whoever starts it sets it.
    Timer deadline;

    // Transport
    Result<void> attach(const Source& owner) override;
    IoResult read(char* data, std::size_t size) override;
    IoResult write(const Slice* slices, std::size_t count) override;
    void arm(Direction direction) override;
    Error failure(int error, std::string_view operation) const override;
    void shut_down_writing() override;
    void reset() override;
    bool wants_linger() const override { return below_->wants_linger(); }
    void disown() override { below_->disown(); }
    std::string peer() const override { return named(below_->peer()); }
    std::string local() const override { return named(below_->local()); }

private:
    IoResult pull();
    void report_readable();
    std::string named(std::string name) const;

    Reactor& reactor_;
    SourceId owner_;
    std::unique_ptr<Transport> below_;
    std::unique_ptr<TlsFilter> filter_;
    bool is_named_tls_;
    bool is_reset_ = false;
    bool is_read_as_it_is_ = false;
    bool is_goodbye_alone_ = false;    // the goodbye is all that is left to send
    bool has_more_to_read_ = false;  // something is here already: arming reports at once
    bool is_reading_held_up_ = false;  // reading waits for room in the filter's output
    int read_error_ = 0;
    int write_error_ = 0;
};

}  // namespace tidemill
