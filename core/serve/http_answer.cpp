// HttpRequest: how it is answered. Every call hands what the engine has written to the connection at once, which sends it when the turn
// ends: so a close() right behind an answer does not lose it.
#include <algorithm>
#include <utility>

#include "tidemill/serve/http_connection.h"
#include "tidemill/serve/http_rare.h"
#include "tidemill/sys/file.h"

namespace tidemill {
namespace {

WriteResult failed(ErrorCode code) {
    return {WriteResult::Kind::failed, code};
}

// So that a body of a plain answer says what it is.
constexpr HttpField says_text{"content-type", "text/plain"};

}  // namespace

// ---- the connection's part ----

bool HttpConnection::may_answer(const HttpRequest& request) {
    if (!connection_->reactor().is_usable_here()) {
        error_ = connection_->write_error(ErrorCode::state);
    } else if (connection_->state() >= Connection::State::closing) {
        error_ = connection_->write_error(ErrorCode::closed);
    } else if (!request.is_there_) {
        error_ = make_error(ErrorCode::state, "respond", connection_->peer(), "the request is over");
    } else {
        return true;
    }
    return false;
}

WriteResult HttpConnection::refuse_call(Error error) {
    error_ = std::move(error);
    if (error_.endpoint.empty()) error_.endpoint = connection_->peer();
    return failed(error_.code);
}

// What the engine has written, if it has.
WriteResult HttpConnection::answer(const Result<void>& done) {
    return done ? send_output() : refuse_call(done.error());
}

WriteResult HttpConnection::send_output() {
    std::string& output = engine_.output();
    if (output.empty()) return {is_output_full_ ? WriteResult::Kind::wait : WriteResult::Kind::flowing};
    written_ += output.size();
    const WriteResult written = connection_->write(output);
    output.clear();
    if (output.capacity() > limits::spare_input) output = std::string();
    return note(written);
}

WriteResult HttpConnection::note(WriteResult written) {
    if (written.has_failed()) {
        error_ = connection_->write_error(written.code);
        return written;
    }
    if (!written.is_flowing()) is_output_full_ = true;
    if (output_since_ == TimePoint::max()) {
        output_since_ = connection_->reactor().turn_time();
        set_deadline(*connection_, output_deadline());
    }
    return written;
}

// The answer is whole. What follows from that is the loop's to do. What is left of the body is nobody's: a pause is over, or nothing would
// ever read it.
void HttpConnection::after_answer() {
    request_.is_answered_ = true;
    request_.is_paused_ = false;
    if (!is_pumping_) go_on_later();
}

// ---- the body ----

void HttpRequest::pause() {
    is_paused_ = true;
}

void HttpRequest::resume() {
    if (!is_there_ || !std::exchange(is_paused_, false)) return;
    if (owner_.is_pumping_) return;
    continue_if_due();
    owner_.go_on_later();
}

void HttpRequest::collect(Collected done, std::size_t limit) {
    if (!is_there_ || is_read_) return;
    is_collecting_ = true;
    rare().on_collected = std::move(done);
    rare().collect_limit = limit;
    if (head_.framing.kind == HttpFraming::Kind::length && head_.framing.length > limit) refuse_body();
}

void HttpRequest::refuse_body() {
    ++connection().reactor().count().http_collect_hits;
    is_collecting_ = false;
    if (is_begun_) return fail();
    owner_.engine_.end_keep_alive();
    respond(413, {says_text}, "413 Content Too Large\n");
}

WriteResult HttpRequest::respond_continue() {
    if (!owner_.may_answer(*this)) return failed(owner_.error_.code);
    is_continue_due_ = false;
    return owner_.answer(owner_.engine_.respond_continue());
}

void HttpRequest::continue_if_due() {
    if (is_continue_due_ && !is_begun_) respond_continue();
}

// ---- the answer ----

HttpResponseHead HttpRequest::plan(int status, HttpFields fields, HttpFraming framing) const {
    HttpResponseHead head;
    head.status = status;
    head.fields = fields;
    head.framing = framing;
    if (owner_.date_ != nullptr) head.date = owner_.date_->now();
    return head;
}

WriteResult HttpRequest::respond(int status, HttpFieldList fields, Bytes body) {
    if (!owner_.may_answer(*this)) return failed(owner_.error_.code);
    std::vector<HttpField> with;
    if (is_compress_asked_ && body.size() >= limits::http_gzip_from && begin_gzip(status, fields.get(), with)) {
        std::string compressed;
        rare_->gzip->add(body, compressed);
        rare_->gzip->finish(compressed);
        rare_->gzip.reset();
        is_compress_asked_ = false;
        return respond(status, with, compressed);
    }
    const HttpResponseHead head = plan(status, fields.get(), HttpFraming::of_length(body.size()));
    if (body.size() >= limits::http_joined) return respond_in_pieces(head, body);
    if (Result<void> done = owner_.engine_.respond(head, body); !done) return owner_.refuse_call(done.error());
    is_begun_ = true;
    status_ = status;
    count_octets(body.size());
    owner_.after_answer();
    return owner_.send_output();
}

// A long body goes to the connection without a copy in between.
WriteResult HttpRequest::respond_in_pieces(const HttpResponseHead& head, Bytes body) {
    if (Result<void> begun = owner_.engine_.respond_head(head); !begun) return owner_.refuse_call(begun.error());
    is_begun_ = true;
    status_ = head.status;
    if (const WriteResult written = write_piece(body); written.has_failed()) return written;
    return finish();
}

WriteResult HttpRequest::begin_answer(int status, HttpFields fields, HttpFraming framing) {
    if (!owner_.may_answer(*this)) return failed(owner_.error_.code);
    const WriteResult begun = owner_.answer(owner_.engine_.respond_head(plan(status, fields, framing)));
    if (begun.has_failed()) return begun;
    is_begun_ = true;
    status_ = status;
    return begun;
}

WriteResult HttpRequest::start(int status, HttpFieldList fields) {
    const bool is_bodiless = status == 204 || status == 205 || status == 304;
    std::vector<HttpField> with;
    if (is_compress_asked_ && !is_bodiless && begin_gzip(status, fields.get(), with))
        return begin_answer(status, with, HttpFraming::chunked());
    const HttpFraming otherwise = is_bodiless ? HttpFraming::none() : HttpFraming::chunked();
    return begin_answer(status, fields.get(), HttpFraming::of_fields(fields.get(), otherwise));
}

WriteResult HttpRequest::write(Bytes data) {
    if (!owner_.may_answer(*this)) return failed(owner_.error_.code);
    return rare_ && rare_->gzip ? write_gzip(data) : write_piece(data);
}

WriteResult HttpRequest::write_piece(Bytes data) {
    HttpEngine& engine = owner_.engine_;
    if (data.size() < limits::http_joined) {
        if (Result<void> written = engine.write_data(data); !written) return owner_.refuse_call(written.error());
        count_octets(data.size());
        return owner_.send_output();
    }
    const Result<bool> begun = engine.begin_data(data.size());
    if (!begun) return owner_.refuse_call(begun.error());
    count_octets(data.size());
    WriteResult written = owner_.send_output();
    if (!begun.value() || written.has_failed()) return written;
    owner_.written_ += data.size();
    written = owner_.note(connection().write(data));
    if (written.has_failed()) return written;
    engine.end_data();
    return owner_.send_output();
}

WriteResult HttpRequest::finish(HttpFieldList trailers) {
    if (!owner_.may_answer(*this)) return failed(owner_.error_.code);
    if (rare_ && rare_->gzip) {
        if (const WriteResult written = finish_gzip(); written.has_failed()) return written;
    }
    if (Result<void> ended = owner_.engine_.write_end(trailers.get()); !ended) return owner_.refuse_call(ended.error());
    owner_.after_answer();
    return owner_.send_output();
}

WriteResult HttpRequest::respond_file(int status, HttpFieldList fields, File file, std::string_view name, std::uint64_t offset,
                                      std::uint64_t length) {
    const WriteResult begun = begin_answer(status, fields.get(), HttpFraming::of_length(length));
    if (begun.has_failed()) return begun;
    const Result<bool> piece = owner_.engine_.begin_data(length);
    if (!piece) return owner_.refuse_call(piece.error());
    if (piece.value()) {
        if (Result<void> queued = connection().send_open_file(std::move(file), name, offset, length); !queued) {
            return owner_.refuse_call(queued.error());
        }
        octets_ += length;
        owner_.written_ += length;
        owner_.note({WriteResult::Kind::wait});
        owner_.engine_.end_data();
    }
    return finish();
}

WriteResult HttpRequest::upgrade(HandlerPtr next, HttpFieldList fields, int status) {
    if (!owner_.may_answer(*this)) return failed(owner_.error_.code);
    const auto refuse = [&](ErrorCode code, Bytes why) { return owner_.refuse_call(make_error(code, "upgrade", {}, why)); };
    if (next == nullptr) return refuse(ErrorCode::argument, "there is no handler");
    if (is_begun_ || is_read_) return refuse(ErrorCode::state, "an upgrade is asked for before the answer and the end of the request");
    if (!head_.is_upgrade) return refuse(ErrorCode::local_protocol, "the client has not asked for an upgrade");
    rare().upgrade_fields.take(fields.get());
    rare().upgrade_status = status;
    rare().next = std::move(next);
    return {WriteResult::Kind::flowing};
}

WriteResult HttpRequest::refuse_call(Error error) {
    return owner_.refuse_call(std::move(error));
}

void HttpRequest::fail() {
    Connection& stream = connection();
    if (is_answered_ || stream.state() >= Connection::State::closing) return;
    if (is_begun_) return stream.abort();  // what it got so far must not look whole
    owner_.engine_.end_keep_alive();
    respond(500, {says_text}, "500 Internal Server Error\n");
    stream.close();
}

}  // namespace tidemill
