// Rare: what few requests have: a body that is gathered, trailers, another handler for the connection. Of http_request.cpp and its friends.
#pragma once
#include "tidemill/proto/gzip.h"
#include "tidemill/serve/http_request.h"

namespace tidemill {

struct HttpRequest::Rare {
    std::string collected;
    Collected on_collected;
    std::size_t collect_limit = 0;

    HttpFieldCopy trailers;

    std::unique_ptr<GzipWriter> gzip;  // the answer goes through it

    HandlerPtr next;
    HttpFieldCopy upgrade_fields;
    int upgrade_status = 0;
};

}  // namespace tidemill
