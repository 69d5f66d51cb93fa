// What a server of HTTP can be told once for all its connections.
#pragma once
#include <cstddef>

#include "tidemill/base/limits.h"
#include "tidemill/proto/http_limits.h"

namespace tidemill {

struct HttpServerOptions {
    HttpLimits limits{HttpRole::server};

    // Every response says when it was made (RFC 9110 6.6.1).
    bool adds_date = true;
};

}  // namespace tidemill
