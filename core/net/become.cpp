// Connection::become: another handler for a stream that goes on.
#include <utility>
#include <vector>

#include "tidemill/net/rare.h"

namespace tidemill {

Result<void> Connection::become(HandlerPtr handler, Bytes leftover) {
    if (Result<void> usable = reactor_.check_usable("become", peer()); !usable) return usable;
    if (state_ >= State::closing) return make_error(ErrorCode::closed, "become", peer(), "the connection is closed");
    if (handler == nullptr) return make_error(ErrorCode::argument, "become", peer(), "there is no handler");
    Rare& mine = rare();
    mine.leftover.insert(0, handler_->hand_over(*this));
    is_input_held_ = is_go_on_due_ = false;
    // Perhaps one of its callbacks is under way: it is released when the loop has it back.
    mine.replaced.push_back(std::exchange(handler_, std::move(handler)));
    mine.leftover.insert(0, leftover);
    mine.is_open_due = state_ == State::open;  // otherwise it is still to come anyway
    mine.is_end_due = has_peer_ended_;
    is_shutdown_due_ = state_ == State::open && reactor_.is_draining();
    handler_->attached(*this);
    tell_rare_later();
    return {};
}

void Connection::tell_rare_later() {
    is_rare_due_ = true;
    if (is_opened_) call_me();  // before that there is no on_ready but the connector's
}

void Connection::release_replaced() {
    // Moved out first: a binding may run anything when its object goes.
    const std::vector<HandlerPtr> replaced = std::exchange(rare_->replaced, {});
}

void Connection::forget_replaced(Handler& handler) {
    if (rare_ != nullptr) std::erase_if(rare_->replaced, [&](const HandlerPtr& one) { return one.get() == &handler; });
}

// The connection ends: the files are closed, and proxies from and to it end.
void Connection::end_rare() {
    rare_->files.clear();
    leave_target();
    lose_source(reason_);
}

// The reactor goes, and all connections with it: nobody is told.
void Connection::abandon_rare() {
    if (rare_->target != nullptr) rare_->target->rare_->source = nullptr;
    if (rare_->source != nullptr) rare_->source->rare_->target = nullptr;
    rare_.reset();
}

}  // namespace tidemill
