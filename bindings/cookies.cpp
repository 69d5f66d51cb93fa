#include "bindings/cookies.h"

#include <ctime>

namespace tidemill::script {

static std::time_t wall_time(ReactorCore& core) {
    const auto clock = core.wall_clock();
    return clock ? clock() : std::time(nullptr);
}

static Url url_of(Bytes text, Bytes operation) {
    Result<Url> url = parse_url(text, operation);
    if (!url) throw Failure{url.error()};
    return std::move(url).value();
}

// Text for the caller, kept until the next call on this thread.
static Bytes lend_cookies(std::string text) {
    static thread_local std::string lent;
    lent = std::move(text);
    return lent;
}

CookieJarCore::CookieJarCore(ReactorCore& core) : host_(&core.host()) {}

const std::shared_ptr<CookieJar>& CookieJarCore::jar_for(ReactorCore& core, Bytes operation) const {
    if (host_ != &core.host()) throw Failure{make_error(ErrorCode::argument, operation, {}, "the cookie jar is another reactor's")};
    return jar_;
}

bool CookieJarCore::take(ReactorCore& core, Bytes url, Bytes set_cookie) {
    return jar_for(core, "set")->take(set_cookie, url_of(url, "set"), wall_time(core));
}

Bytes CookieJarCore::header(ReactorCore& core, Bytes url) {
    return lend_cookies(jar_for(core, "header")->header(url_of(url, "header"), wall_time(core)));
}

Bytes CookieJarCore::cookies(ReactorCore& core) {
    std::string text;
    for (const Cookie& cookie : jar_for(core, "cookies")->cookies(wall_time(core))) {
        for (const std::string& part : {cookie.name, cookie.value, cookie.domain, cookie.path}) text.append(part).append("\n");
        text.append(cookie.expires ? std::to_string(*cookie.expires) : "").append("\n");
        text.append(cookie.is_host_only ? "o" : "").append(cookie.is_secure ? "s" : "").append(cookie.is_http_only ? "h" : "").append("\n");
    }
    if (!text.empty()) text.pop_back();
    return lend_cookies(std::move(text));
}

void CookieJarCore::clear() {
    jar_->clear();
}

}  // namespace tidemill::script
