// A cookie jar at script size. It is of one reactor, whose clock says what has expired.
#pragma once
#include <memory>

#include "bindings/facade.h"
#include "tidemill/proto/http_cookies.h"

namespace tidemill::script {

class CookieJarCore {
public:
    explicit CookieJarCore(ReactorCore& core);

    // What Set-Cookie of an answer from the URL would do; false: it is refused. Throw argument (the URL, another reactor).
    bool take(ReactorCore& core, Bytes url, Bytes set_cookie);
    Bytes header(ReactorCore& core, Bytes url);

    // Six lines for each: name, value, domain, path, expires (empty for none), and of the letters o (host-only), s (Secure) and h (HttpOnly)
    // those that are true.
    Bytes cookies(ReactorCore& core);
    void clear();

    // Throws argument if it is another reactor's.
    const std::shared_ptr<CookieJar>& jar_for(ReactorCore& core, Bytes operation) const;

private:
    const Host* host_;  // only compared
    std::shared_ptr<CookieJar> jar_ = std::make_shared<CookieJar>();
};

}  // namespace tidemill::script
