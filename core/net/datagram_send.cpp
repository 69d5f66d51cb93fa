// The half of Datagram that sends.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "tidemill/net/datagram.h"

namespace tidemill {

// ---- where to ----

bool Datagram::refuse(std::string_view to, std::string_view detail) {
    refusal_ = make_error(ErrorCode::argument, "write", to.empty() ? std::string_view(local_) : to, detail);
    return false;
}

// False: refusal_ says why. Most datagrams answer the last one that came or go where the last one went: no parsing then.
bool Datagram::find_target(std::string_view to, Address& address) {
    if (!peer_.empty()) {
        address.size = 0;
        return to.empty() || to == peer_ || refuse(to, "the socket is connected; everything goes to its peer");
    }
    if (to.empty()) return refuse(to, "to whom? The socket is not connected");
    for (const Known* known : {&last_target_, &last_sender_}) {
        if (known->text == to && known->address.size > 0) {
            address = known->address;
            return true;
        }
    }
    Result<Endpoint> parsed = parse_endpoint(to, "write");
    if (!parsed) {
        refusal_ = parsed.error();
        return false;
    }
    const Endpoint& endpoint = parsed.value();
    if (!endpoint.is_datagram()) return refuse(to, "datagrams go to udp://address:port or unix-datagram://path");
    if (!literal_address(endpoint, address)) return refuse(to, "a host name is to be resolved first; write takes literal addresses");
    if (endpoint.is_unix() ? endpoint.host == "@" : endpoint.port == 0) return refuse(to, "this is no place to send to");
    if (endpoint.is_unix() != socket_.address.is_unix() || address.is_ipv6() != socket_.address.is_ipv6()) {
        return refuse(to, "the address is of another family than the socket's");
    }
    last_target_ = {std::string(to), address};
    return true;
}

std::size_t Datagram::longest() const {
    if (socket_.address.is_unix()) return limits::datagram;
    return socket_.address.is_ipv6() ? limits::udp6_payload : limits::udp4_payload;
}

Error Datagram::write_error(const WriteResult& written) const {
    if (written.code == ErrorCode::argument) return refusal_;
    if (written.code == ErrorCode::closed) return make_error(written.code, "write", local_, "the datagram socket is closed");
    if (Result<void> usable = reactor_.check_usable("write", local_); !usable) return usable.error();
    return make_error(written.code, "write", local_);
}

// ---- the queue ----

bool Datagram::is_full(std::size_t size) const {
    return waiting_.size() >= limits::datagrams_queued || pending_ + size > limits::datagram_octets_queued;
}

WriteResult Datagram::write(Bytes octets, std::string_view to) {
    if (!reactor_.is_usable_here()) return {WriteResult::Kind::failed, ErrorCode::state};
    if (state_ != State::open) return {WriteResult::Kind::failed, ErrorCode::closed};
    Waiting waiting{octets_.size(), octets.size(), {}, {}, false};
    const bool fits = octets.size() <= longest() || refuse(to, "a datagram holds at most " + std::to_string(longest()) + " octets here");
    if (!fits || !find_target(to, waiting.to)) return {WriteResult::Kind::failed, ErrorCode::argument};
    // A turn that writes more than the queue holds sends meanwhile.
    if (is_full(octets.size()) && can_write_) send_some();
    if (is_full(octets.size())) {
        ++dropped_;
        is_drain_wanted_ = true;
        return {WriteResult::Kind::wait};
    }
    waiting.place = octets_.size();
    waiting.since = reactor_.now();
    octets_.append(octets);
    pending_ += octets.size();
    waiting_.push_back(waiting);
    if (can_write_) reactor_.flush_later(*this);
    return {WriteResult::Kind::flowing};
}

void Datagram::flush() {
    if (state_ == State::closed) return;
    send_some();
    if (state_ == State::closing && waiting_.empty()) end({});
}

// Goes through all that wait, in batches. What a full UNIX receiver cannot take stays, in its order, and does not hold up the others.
void Datagram::send_some() {
    std::vector<Address> full;
    std::array<DatagramOut, limits::datagram_batch> batch;
    std::array<std::size_t, limits::datagram_batch> places;
    std::size_t next = 0;
    while (can_write_) {
        std::size_t count = 0;
        for (; count < batch.size() && next < waiting_.size(); ++next) {
            const Waiting& waiting = waiting_[next];
            if (waiting.is_done || std::find(full.begin(), full.end(), waiting.to) != full.end()) continue;
            batch[count] = {{octets_.data() + waiting.place, waiting.size}, waiting.to.size == 0 ? nullptr : &waiting.to};
            places[count++] = next;
        }
        if (count == 0) break;
        const IoResult sent = send_datagrams(socket_.fd.get(), batch.data(), count);
        for (std::size_t i = 0; i < sent.count; ++i) waiting_[places[i]].is_done = true;
        if (sent.count < count) next = places[sent.count];
        if (sent.count == 0 && !on_send_failed(waiting_[next], sent, full)) break;
    }
    drop_done();
}

// Whether to go on, with this one or, if it is done or its receiver is full, with the next.
bool Datagram::on_send_failed(Waiting& waiting, const IoResult& sent, std::vector<Address>& full) {
    const bool is_unix = socket_.address.is_unix();
    if (sent.kind == IoResult::Kind::would_block && (!is_unix || !peer_.empty())) {
        can_write_ = false;
        reactor_.arm(socket_.fd.get(), Direction::write);
        return false;
    }
    if (sent.kind == IoResult::Kind::would_block) {
        // The poller does not know the receiver of a socket that is not connected: the clock asks again.
        if (reactor_.now() - waiting.since > limits::datagram_patience) {
            give_up(waiting, EAGAIN);
        } else {
            full.push_back(waiting.to);
            try_again_soon();
        }
        return true;
    }
    if (sent.error == ENOBUFS || sent.error == ENOMEM) {
        try_again_soon();
        return false;
    }
    // The network's word about an earlier datagram ends the next call: this one has not been tried.
    if (!is_unix && take_failures()) return true;
    // A UNIX peer that went away: unix(7) undoes the connection, and the path may have a new owner.
    const int again = is_unix && !peer_.empty() && sent.error == ENOTCONN ? connect_datagram(socket_.fd.get(), peer_address_) : sent.error;
    if (again != 0) give_up(waiting, again);
    return true;
}

void Datagram::give_up(Waiting& waiting, int error) {
    waiting.is_done = true;
    lose(os_error(error, "write", waiting.to.size == 0 ? peer_ : waiting.to.datagram_text()));
}

void Datagram::drop_done() {
    for (const Waiting& waiting : waiting_) {
        if (waiting.is_done) pending_ -= waiting.size;
    }
    std::erase_if(waiting_, [](const Waiting& waiting) { return waiting.is_done; });
    if (waiting_.empty()) {
        octets_.clear();
        if (octets_.capacity() > limits::datagram_spare) octets_ = {};
    } else if (octets_.size() > 2 * pending_ + limits::datagram) {
        std::string kept;
        for (Waiting& waiting : waiting_) kept.append(octets_, std::exchange(waiting.place, kept.size()), waiting.size);
        octets_ = std::move(kept);
    }
    const bool is_low = waiting_.size() <= limits::datagrams_queued / 4 && pending_ <= limits::datagram_octets_queued / 4;
    if (!is_drain_wanted_ || !is_low) return;
    is_drain_wanted_ = false;
    is_drain_due_ = true;
    call_me();
}

void Datagram::try_again_soon() {
    if (!retry_.is_active())
        retry_ = reactor_.call_later(limits::datagram_retry, [this] {
            reactor_.flush_later(*this);
            if (!std::exchange(is_read_refused_, false)) return;
            can_read_ = true;
            call_me();
        });
}

}  // namespace tidemill
