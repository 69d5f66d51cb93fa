// HttpExchange's redirects (RFC 9110 15.4): whether, how far, and what does not go along.
#include "tidemill/proto/http_syntax.h"
#include "tidemill/serve/http_client_connection.h"
#include "tidemill/serve/http_exchange.h"
#include "tidemill/serve/http_pool.h"

namespace tidemill {

// If so the answer's body is read and told to nobody, and follow() comes behind it.
bool HttpExchange::wants_to_follow(const HttpHead& head) {
    const bool is_redirect = head.status == 301 || head.status == 302 || head.status == 303 || head.status == 307 || head.status == 308;
    const int allowed = request_.redirects < 0 ? pool_->options().redirects : request_.redirects;
    const HttpField* location = is_redirect && allowed > 0 ? head.find("Location") : nullptr;
    if (location != nullptr) location_ = location->value;
    return !location_.empty();
}

void HttpExchange::follow() {
    discarded_ = 0;
    was_retried_ = false;
    trailers_.clear();
    if (std::exchange(is_to_repeat_, false)) return submit_again();
    const std::string location = std::exchange(location_, {});
    const int allowed = request_.redirects < 0 ? pool_->options().redirects : request_.redirects;
    if (redirected_ >= allowed) {
        ++reactor_.count().http_client_redirect_hits;
        return fail(make_own_error(ErrorCode::limit, "redirect", "there are more redirects than allowed"));
    }
    Result<Url> next = resolve_url(url_, location, "redirect");
    if (!next) return fail(make_own_error(ErrorCode::remote_protocol, "redirect", "Location: " + next.error().detail));
    if (url_.is_tls && !next.value().is_tls && !pool_->options().may_leave_tls)
        return fail(make_own_error(ErrorCode::remote_protocol, "redirect", "it leads from https to http"));
    if (Result<void> changed = change_request(next.value()); !changed) return fail(changed.error());
    url_ = std::move(next).value();
    ++redirected_;
    ++reactor_.count().http_client_redirects;
    submit_again();
}

// The method's rules, and what is none of another origin's business.
Result<void> HttpExchange::change_request(const Url& next) {
    const bool becomes_get = status_ == 303 ? request_.method != "HEAD" && request_.method != "GET"
                                            : (status_ == 301 || status_ == 302) && request_.method == "POST";
    if (becomes_get) {
        request_.method = "GET";
        request_.body.clear();
        request_.is_streamed = false;
        backlog_.clear();
        drop_fields({"Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Location", "Transfer-Encoding",
                     "Expect", "Digest", "Last-Modified"});
    } else if (request_.is_streamed && has_begun_body_) {
        return make_own_error(ErrorCode::state, "redirect", "the body was streamed and cannot be sent again");
    }
    drop_fields({"Host"});
    if (next.origin() != url_.origin()) drop_fields({"Authorization", "Cookie", "Proxy-Authorization"});
    return {};
}

void HttpExchange::drop_fields(std::initializer_list<std::string_view> names) {
    std::erase_if(request_.fields, [&](const auto& field) {
        for (const std::string_view name : names) {
            if (http::equals_in_any_case(field.first, name)) return true;
        }
        return false;
    });
}

}  // namespace tidemill
