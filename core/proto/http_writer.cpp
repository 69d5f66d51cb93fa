// HttpEngine's writing of heads.
#include "tidemill/proto/http.h"
#include "tidemill/proto/http_plan.h"

namespace tidemill {

using Kind = HttpFraming::Kind;

static bool is_bodiless(HttpFraming framing) {
    return framing.kind == Kind::none || (framing.kind == Kind::length && framing.length == 0);
}

void HttpEngine::begin_writing(const HttpPlan& plan) {
    writing_ = Writing::body;
    writing_framing_ = plan.framing;
    is_discarded_ = plan.is_discarded;
    to_write_ = plan.framing.length;
    is_piece_open_ = false;
    if (plan.is_last) is_last_ = true;
}

// ---- Server

// Whether Connection: close belongs into the response.
bool HttpEngine::is_response_last(const HttpPlan& plan) const {
    const bool is_until_close = !plan.is_discarded && plan.framing.kind == Kind::until_close;
    // Whoever was refused a tunnel may have begun to use it.
    return is_last_ || plan.connection.has_close || is_until_close || is_continue_due_ || is_connect_ ||
           (has_input_ended_ && input_.rest().empty());
}

Result<void> HttpEngine::plan_response(const HttpResponseHead& head, HttpPlan& plan) const {
    if (role_ != HttpRole::server) return http_misuse("a client does not respond");
    if (has_failed() || writing_ != Writing::due) return http_misuse("there is no request that waits for a response");
    if (head.status != 101 && (head.status < 200 || head.status > 999)) return http_misuse("not the status of a response");
    if (!http::is_value(head.reason) || !http::is_value(head.date)) return http_misuse("a control character in the reason or the date");
    if (Result<void> taken = plan.take(head.fields); !taken) return taken;
    const bool is_switch = head.status == 101 || (is_connect_ && head.status / 100 == 2);
    const bool has_no_body = is_switch || head.status == 204 || head.status == 205;
    const bool is_length_free = is_head_ || head.status == 304;
    if (has_no_body && !is_bodiless(head.framing)) return http_misuse("a response with this status has no body");
    if (Result<void> compared = plan.compare(head.framing, is_length_free); !compared) return compared;
    if (head.status == 101 && !(is_upgrade_ && !is_connect_ && plan.has_upgrade)) return http_misuse("101 without Upgrade on both sides");
    if (head.status == 101 && is_body_under_way()) return http_misuse("101 before the end of the request");

    plan.framing = head.framing;
    if (plan.framing.kind == Kind::chunked && is_http10_) plan.framing = HttpFraming::until_close();
    plan.is_discarded = is_length_free;
    plan.length = head.framing.kind == Kind::length ? head.framing.length : plan.given_length;
    const bool may_have_length = !is_switch && head.status != 204;
    const bool has_length = head.framing.kind == Kind::length || plan.has_given_length;
    plan.writes_length = may_have_length && (has_length || (head.framing.kind == Kind::none && !is_length_free));
    plan.writes_chunked = plan.framing.kind == Kind::chunked;
    if (is_switch) return {};
    plan.is_last = head.is_last || is_response_last(plan);
    plan.says_keep_alive = is_http10_ && !plan.is_last;
    return {};
}

static void put_status_line(int status, Bytes reason, std::string& output) {
    if (status == 200 && reason.empty()) {
        output.append("HTTP/1.1 200 OK\r\n");
        return;
    }
    output.append("HTTP/1.1 ");
    put_number(static_cast<std::uint64_t>(status), output);
    output.append(" ").append(reason.empty() ? http::usual_reason(status) : reason).append("\r\n");
}

Result<void> HttpEngine::respond_head(const HttpResponseHead& head) {
    HttpPlan plan;
    if (Result<void> planned = plan_response(head, plan); !planned) return planned;
    put_status_line(head.status, head.reason, output_);
    plan.put(head.fields, head.date, output_);
    begin_writing(plan);
    if (head.status != 101 && !(is_connect_ && head.status / 100 == 2)) return {};
    is_switching_ = true;
    on_written();
    return {};
}

Result<void> HttpEngine::respond(const HttpResponseHead& head, Bytes body) {
    HttpResponseHead whole = head;
    // Nothing to a HEAD may be what stands for a long body.
    const bool is_length_free = body.empty() && (is_head_ || head.status == 304);
    whole.framing = is_length_free ? HttpFraming::none() : HttpFraming::of_length(body.size());
    if (Result<void> responded = respond_head(whole); !responded || is_switching_) return responded;
    put_data(body);
    put_end({});
    return {};
}

Result<void> HttpEngine::respond_continue() {
    if (role_ != HttpRole::server || has_failed() || writing_ != Writing::due)
        return http_misuse("there is no request that waits for a response");
    if (!is_continue_due_) return {};
    is_continue_due_ = false;
    output_.append("HTTP/1.1 100 Continue\r\n\r\n");
    await(Wait::body);
    return {};
}

Result<void> HttpEngine::respond_interim(int status, HttpFields fields) {
    if (status == 100) return respond_continue();
    if (role_ != HttpRole::server || has_failed() || writing_ != Writing::due)
        return http_misuse("there is no request that waits for a response");
    if (status < 100 || status > 199 || status == 101) return http_misuse("not the status of an interim response");
    HttpPlan plan;
    if (Result<void> taken = plan.take(fields); !taken) return taken;
    if (plan.has_given_length || plan.is_given_chunked) return http_misuse("an interim response has no body");
    if (is_http10_) return {};
    put_status_line(status, {}, output_);
    plan.put(fields, {}, output_);
    return {};
}

// ---- Client

Result<void> HttpEngine::plan_request(const HttpRequestHead& head, HttpPlan& plan) const {
    if (role_ != HttpRole::client) return http_misuse("a server does not request");
    if (!is_idle()) return http_misuse("another request is going on, or the connection has no further one");
    if (!http::is_token(head.method)) return http_misuse("the method is not a token");
    Bytes authority;
    if (const char* why = http::check_target(head.method, head.target, authority); why != nullptr) return http_misuse(why);
    if (Result<void> taken = plan.take(head.fields); !taken) return taken;
    if (plan.hosts != 1 || !http::is_host(plan.host)) return http_misuse("a request has one Host that is one");
    if (!authority.empty() && !http::equals_in_any_case(authority, plan.host)) return http_misuse("Host is not the host of the target");
    if (head.framing.kind == Kind::until_close) return http_misuse("a request cannot last until the connection ends");
    if (head.framing.kind == Kind::length && head.framing.length > limits_.body) return http_misuse("the body is too long");
    if (Result<void> compared = plan.compare(head.framing, false); !compared) return compared;
    const bool is_connect = head.method == "CONNECT";
    if ((is_connect || head.method == "TRACE") && (head.framing.kind != Kind::none || plan.has_given_length)) {
        return http_misuse("a request with this method has no body");
    }
    if (plan.is_continue_expected && is_bodiless(head.framing)) return http_misuse("100-continue without a body");

    // Those whose meaning is in their body say that it is empty (RFC 9110 8.6).
    const bool is_about_body = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
    plan.framing = head.framing;
    plan.length = head.framing.length;
    plan.writes_length = head.framing.kind == Kind::length || plan.has_given_length || (is_about_body && head.framing.kind == Kind::none);
    plan.writes_chunked = head.framing.kind == Kind::chunked;
    plan.is_last = head.is_last || plan.connection.has_close;
    return {};
}

Result<void> HttpEngine::request_head(const HttpRequestHead& head) {
    HttpPlan plan;
    if (Result<void> planned = plan_request(head, plan); !planned) return planned;
    if (reading_ == Reading::complete) begin_next();
    is_head_ = head.method == "HEAD";
    is_connect_ = head.method == "CONNECT";
    is_upgrade_ = plan.has_upgrade;
    if (++requests_ >= limits_.requests && !plan.is_last) {
        plan.is_last = true;
        limit_ = HttpLimit::requests;
    }
    output_.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
    plan.put(head.fields, {}, output_);
    begin_writing(plan);
    await(Wait::nothing);
    return {};
}

Result<void> HttpEngine::request(const HttpRequestHead& head, Bytes body) {
    HttpRequestHead whole = head;
    whole.framing = body.empty() ? HttpFraming::none() : HttpFraming::of_length(body.size());
    if (Result<void> requested = request_head(whole); !requested) return requested;
    put_data(body);
    put_end({});
    return {};
}

}  // namespace tidemill
