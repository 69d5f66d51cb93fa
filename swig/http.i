// A server of HTTP at script size; bindings/http.h says what each does.
namespace tidemill {
namespace script {

Bytes http_fields(ScriptHandler& handler, std::uint64_t request);
Bytes http_trailers(ScriptHandler& handler, std::uint64_t request);
Bytes http_header(ScriptHandler& handler, std::uint64_t request, Bytes name);
Bytes http_version(ScriptHandler& handler, std::uint64_t request);
bool http_is_answered(ScriptHandler& handler, std::uint64_t request);
bool http_respond(ScriptHandler& handler, std::uint64_t request, int status, Bytes fields, int count, Octets body);
bool http_start(ScriptHandler& handler, std::uint64_t request, int status, Bytes fields, int count);
bool http_write(ScriptHandler& handler, std::uint64_t request, Octets data);
bool http_finish(ScriptHandler& handler, std::uint64_t request, Bytes trailers, int count);
bool http_start_events(ScriptHandler& handler, std::uint64_t request, Bytes fields, int count);
bool http_send_event(ScriptHandler& handler, std::uint64_t request, Bytes data, Bytes event, Bytes id, double retry);
bool http_ping(ScriptHandler& handler, std::uint64_t request);
bool http_respond_file(ScriptHandler& handler, std::uint64_t request, int status, Bytes fields, int count, Bytes path);
void http_fail(ScriptHandler& handler, std::uint64_t request);
void http_respond_continue(ScriptHandler& handler, std::uint64_t request);
void http_compress(ScriptHandler& handler, std::uint64_t request);
void http_pause(ScriptHandler& handler, std::uint64_t request);
void http_resume(ScriptHandler& handler, std::uint64_t request);
void http_collect(ScriptHandler& handler, std::uint64_t request, std::int64_t limit);
bool http_upgrade(ScriptHandler& handler, std::uint64_t request, ScriptHandler& next, int status, Bytes fields, int count);

Bytes http_log_line(ScriptHandler& handler, std::uint64_t request, int status, std::uint64_t octets);

class HttpHostsCore {
public:
    HttpHostsCore();
    ~HttpHostsCore();
    int add(Bytes host);
    int choose(ScriptHandler& handler, std::uint64_t request);
};

class AccessLogCore {
public:
    explicit AccessLogCore(Bytes path);
    ~AccessLogCore();
    bool add(ScriptHandler& handler, std::uint64_t request, int status, std::uint64_t octets);
    void reopen();
    void close();
};

class StaticFilesCore {
public:
    StaticFilesCore(Bytes folder, Bytes index, Bytes cache_control);
    ~StaticFilesCore();
    void serve(ScriptHandler& handler, std::uint64_t request, Bytes path);
};

}
}
