// A server of HTTP at script size (facade.h): an HttpConnection that tells a script's object, and the calls on its request by the request's
// number. Fields cross as http_fields.h has it.
#pragma once
#include <optional>

#include "bindings/protocol.h"
#include "tidemill/serve/access_log.h"
#include "tidemill/serve/http_hosts.h"
#include "tidemill/serve/static_files.h"

namespace tidemill::script {

// For the table of protocol.cpp: has_log (the object is told of answers as well) and adds_date, 0 or 1; max_header, max_body, max_requests.
// heads: how app interfaces want their requests told (http_head.h); left out: as on_request.
std::unique_ptr<Protocol> make_http(ScriptHandler& handler, const ProtocolOptions& options);

// ---- What was asked. Throw state once the request is over, or closed with its connection.

Bytes http_fields(ScriptHandler& handler, std::uint64_t request);
Bytes http_trailers(ScriptHandler& handler, std::uint64_t request);
// "=" and the value of the first field of that name; "" if there is none.
Bytes http_header(ScriptHandler& handler, std::uint64_t request, Bytes name);
Bytes http_version(ScriptHandler& handler, std::uint64_t request);
bool http_is_answered(ScriptHandler& handler, std::uint64_t request);

// ---- How it is answered. Answer whether to go on writing. Throw local_protocol, closed, state.

bool http_respond(ScriptHandler& handler, std::uint64_t request, int status, Bytes fields, int count, Octets body);
bool http_start(ScriptHandler& handler, std::uint64_t request, int status, Bytes fields, int count);
bool http_write(ScriptHandler& handler, std::uint64_t request, Octets data);
bool http_finish(ScriptHandler& handler, std::uint64_t request, Bytes trailers, int count);
bool http_start_events(ScriptHandler& handler, std::uint64_t request, Bytes fields, int count);
// retry: seconds; negative: not said.
bool http_send_event(ScriptHandler& handler, std::uint64_t request, Bytes data, Bytes event, Bytes id, double retry);
bool http_ping(ScriptHandler& handler, std::uint64_t request);
// All of an answer whose body is a file. Throws os, too, and then nothing has been said.
bool http_respond_file(ScriptHandler& handler, std::uint64_t request, int status, Bytes fields, int count, Bytes path);
// 500 if nothing has been said yet, and the end of the connection.
void http_fail(ScriptHandler& handler, std::uint64_t request);
void http_respond_continue(ScriptHandler& handler, std::uint64_t request);
void http_compress(ScriptHandler& handler, std::uint64_t request);
void http_pause(ScriptHandler& handler, std::uint64_t request);
void http_resume(ScriptHandler& handler, std::uint64_t request);
// limit: -1 for the default.
void http_collect(ScriptHandler& handler, std::uint64_t request, std::int64_t limit);

// next: has the connection from the request's end on. One with the protocol of WebSockets: the handshake is answered, with status and
// fields of its own. Throws argument as well.
bool http_upgrade(ScriptHandler& handler, std::uint64_t request, ScriptHandler& next, int status, Bytes fields, int count);

// In on_response: a line of the combined format, ASCII, without its end. Throws closed, state.
Bytes http_log_line(ScriptHandler& handler, std::uint64_t request, int status, std::uint64_t octets);

// Which site a request is for. The sites are functions of the script, which keeps them by number.
class HttpHostsCore {
public:
    HttpHostsCore() = default;
    HttpHostsCore(const HttpHostsCore&) = delete;
    HttpHostsCore& operator=(const HttpHostsCore&) = delete;

    // The number, from 1 on, of the site that is the host's from now on; the same one for the same text.
    int add(Bytes host);
    // The site's number; 0: there is none and the request has been answered with 421. Throws closed, state.
    int choose(ScriptHandler& handler, std::uint64_t request);

private:
    HttpHosts hosts_;
    std::map<std::string, int, std::less<>> numbers_;
    int chosen_ = 0;
};

class AccessLogCore {
public:
    // Throws os, argument.
    explicit AccessLogCore(Bytes path);
    // Throws closed, state.
    bool add(ScriptHandler& handler, std::uint64_t request, int status, std::uint64_t octets);
    // Throws as the constructor, and closed.
    void reopen();
    void close();

private:
    std::optional<AccessLog> log_;
};

class StaticFilesCore {
public:
    // Throws os.
    StaticFilesCore(Bytes folder, Bytes index, Bytes cache_control);
    // path: "" for the request's. Throws closed, state.
    void serve(ScriptHandler& handler, std::uint64_t request, Bytes path);

private:
    std::unique_ptr<StaticFiles> files_;
};

}  // namespace tidemill::script
