// What a connection object can do besides write(), which is written by hand in each dispatcher. The handler is the script's object
// itself: the language's typemap finds the C++ half in it.
namespace tidemill {
namespace script {

void connection_abort(ScriptHandler& handler);
void connection_close(ScriptHandler& handler);
void connection_pause(ScriptHandler& handler);
void connection_resume(ScriptHandler& handler);
void connection_end_write(ScriptHandler& handler);
void connection_set_idle_timeout(ScriptHandler& handler, double seconds);
void connection_set_close_timeout(ScriptHandler& handler, double seconds);
void connection_set_output_limit(ScriptHandler& handler, std::int64_t octets);
void connection_set_watermarks(ScriptHandler& handler, std::int64_t low, std::int64_t high);
void connection_send_file(ScriptHandler& handler, Bytes path, std::int64_t offset, std::int64_t length);
void connection_proxy_to(ScriptHandler& handler, ScriptHandler& target, std::int64_t length);
void connection_stop_proxy(ScriptHandler& handler);
std::uint64_t connection_proxied(ScriptHandler& handler);
void connection_check_become(ScriptHandler& handler);
void connection_become(ScriptHandler& handler, ScriptHandler& next, Octets leftover);
bool connection_is_free(ScriptHandler& handler);
Bytes connection_peer(ScriptHandler& handler);
Bytes connection_local(ScriptHandler& handler);
std::uint64_t connection_id(ScriptHandler& handler);
Bytes connection_state(ScriptHandler& handler);
std::uint64_t connection_pending(ScriptHandler& handler);

}
}
