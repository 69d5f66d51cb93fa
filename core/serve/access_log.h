// AccessLog: lines in the combined format (http_log.h) for a file, a pipe or standard output, for HttpConnection::on_response.
//
//     struct Site : HttpConnection {
//         void on_response(HttpRequest& request, int status, std::uint64_t octets, Duration) override { log.add(request, status, octets); }
//     };
//
// No loop waits for a disk or for a pipe's reader: lines gather for limits::access_log_delay, then one of the reactor's worker threads writes
// them. When too many wait, further ones are dropped; the metric access_log_drops counts them. A line goes whole, so that several processes can append
// to the same file. run() does not return before what was added is written, unless stop() ends it: then it is written at once as far as there is room.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tidemill/serve/http_request.h"

namespace tidemill {

class AccessLog {
public:
    // path: is appended to, and made if it is not there; "-" is standard output. Errors: os, argument.
    static Result<AccessLog> open(const std::string& path);

    // In on_response. From any reactor's thread. False: the line was dropped, or the log is closed.
    bool add(const HttpRequest& request, int status, std::uint64_t octets);

    // Opens the path again, for whoever has moved the file away. Errors as open(); then it stays with the file it had. Any thread.
    Result<void> reopen();

    // Writes what waits, as far as there is room for it at once. Done by the destructor as well.
    void close();

    AccessLog(AccessLog&&) noexcept;
    AccessLog& operator=(AccessLog&&) noexcept;
    ~AccessLog();

private:
    struct Lines;
    explicit AccessLog(std::shared_ptr<Lines> lines);

    std::shared_ptr<Lines> lines_;  // also of the thread that writes
};

}  // namespace tidemill
