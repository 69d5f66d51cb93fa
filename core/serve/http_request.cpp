// HttpRequest: what was asked. How it is answered is in http_answer.cpp.
#include "tidemill/serve/http_request.h"

#include <utility>

#include "tidemill/serve/http_connection.h"
#include "tidemill/serve/http_rare.h"

namespace tidemill {
namespace {

// "http://host:port/path" without what comes before the path; empty for none.
Bytes without_authority(Bytes target) {
    const std::size_t scheme = target.find("://");
    if (scheme == target.npos || target.starts_with('/')) return target;
    target.remove_prefix(scheme + 3);
    return target.substr(std::min(target.size(), target.find_first_of("/?")));
}

}  // namespace

HttpRequest::HttpRequest(HttpConnection& owner) : owner_(owner) {}

HttpRequest::~HttpRequest() = default;

HttpRequest* HttpRequestHandle::find() const {
    Connection* connection = reactor_ == nullptr ? nullptr : find_connection(*reactor_, connection_);
    if (connection == nullptr) return nullptr;
    auto* owner = dynamic_cast<HttpConnection*>(&connection->handler());
    HttpRequest* request = owner == nullptr ? nullptr : owner->request();
    return request != nullptr && request->number() == number_ ? request : nullptr;
}

Bytes HttpRequest::path() const {
    const Bytes rest = without_authority(head_.target);
    const Bytes path = rest.substr(0, rest.find('?'));
    return path.empty() ? Bytes("/") : path;
}

Bytes HttpRequest::query() const {
    const std::size_t mark = head_.target.find('?');
    return mark == head_.target.npos ? Bytes() : head_.target.substr(mark + 1);
}

Bytes HttpRequest::header(Bytes name) const {
    const HttpField* field = head_.find(name);
    return field == nullptr ? Bytes() : field->value;
}

Bytes HttpRequest::authority() const {
    const Bytes target = head_.target;
    const std::size_t scheme = target.starts_with('/') ? target.npos : target.find("://");
    if (scheme == target.npos) return header("host");
    const Bytes rest = target.substr(scheme + 3);
    return rest.substr(0, rest.find_first_of("/?"));
}

bool HttpRequest::has_body() const {
    return head_.framing.kind == HttpFraming::Kind::chunked || head_.framing.length > 0;
}

Connection& HttpRequest::connection() const {
    return *owner_.connection_;
}

HttpRequestHandle HttpRequest::handle() const {
    return {connection().reactor(), connection().id(), number_};
}

const Error& HttpRequest::error() const {
    return owner_.error_;
}

// ---- for the connection ----

void HttpRequest::begin(const HttpHead& head, std::uint64_t number, TimePoint now) {
    number_ = number;
    head_ = head;
    trailers_ = {};
    octets_ = discarded_ = 0;
    began_ = now;
    status_ = 0;
    is_there_ = true;
    is_read_ = is_begun_ = is_answered_ = is_told_ = is_paused_ = is_collecting_ = is_cut_ = is_compress_asked_ = false;
    is_continue_due_ = head.is_continue_expected;
}

void HttpRequest::retain() {
    kept_.take(head_);
}

void HttpRequest::retain_trailers(HttpFields trailers) {
    if (trailers.empty()) return;
    rare().trailers.take(trailers);
    trailers_ = rare().trailers.fields();
}

void HttpRequest::forget() {
    is_there_ = false;
    head_ = {};
    trailers_ = {};
    if (rare_ && rare_->next == nullptr) rare_.reset();
}

HttpRequest::Rare& HttpRequest::rare() {
    if (!rare_) rare_ = std::make_unique<Rare>();
    return *rare_;
}

}  // namespace tidemill
