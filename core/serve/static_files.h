// StaticFiles: a folder served over HTTP. GET and HEAD, with ETag, Last-Modified and the conditions on them (304, 412), one range of octets
// (206, 416), index.html for a folder. What is outside of the folder, hidden (a name that begins with a dot) or no regular file is not
// found; a folder is never listed. Files go by sendfile(2).
// Source: RFC 9110 8.8, 13, 14.
#pragma once
#include <string>
#include <string_view>

#include "tidemill/serve/http_request.h"
#include "tidemill/sys/fd.h"
#include "tidemill/sys/file.h"

namespace tidemill {

struct StaticFilesOptions {
    std::string index = "index.html";  // of a folder; empty: none
    std::string cache_control = {};  // a field of every file's answer; empty: none
};

class StaticFiles {
public:
    // Holds the folder open: what is served stays the same folder if it is renamed. Errors: os.
    static Result<StaticFiles> open(const std::string& folder, StaticFilesOptions options = {});

    // path: percent-encoded, from / on; without it the request's own.
    void serve(HttpRequest& request) const { serve(request, request.path()); }
    void serve(HttpRequest& request, Bytes path) const;

private:
    StaticFiles(Fd folder, StaticFilesOptions options) : folder_(std::move(folder)), options_(std::move(options)) {}

    void send(HttpRequest& request, File file, const std::string& path) const;
    void send_elsewhere(HttpRequest& request, Bytes path) const;

    Fd folder_;
    StaticFilesOptions options_;
};

// By the end of the name; "application/octet-stream" for one that is not known.
std::string_view content_type_of(std::string_view name);

}  // namespace tidemill
