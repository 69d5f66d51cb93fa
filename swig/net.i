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
void connection_set_watermarks(ScriptHandler& handler, std::int64_t low, std::int64_t high);
Bytes connection_peer(ScriptHandler& handler);
Bytes connection_local(ScriptHandler& handler);
std::uint64_t connection_id(ScriptHandler& handler);
Bytes connection_state(ScriptHandler& handler);
std::uint64_t connection_pending(ScriptHandler& handler);

}
}
