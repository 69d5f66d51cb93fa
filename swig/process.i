// Processes, watches and the standard input; bindings/process.h says what each does.
namespace tidemill {
namespace script {

std::uint64_t spawn_process(ReactorCore& core, Bytes argv, int count, Bytes cwd, Bytes environment, int variables, Bytes streams, bool shell,
                            Bytes kill_on_stop, std::int64_t object);
bool process_write(ReactorCore& core, std::uint64_t process, Octets octets);
bool process_kill(ReactorCore& core, std::uint64_t process, Bytes signal);
void process_close_stdin(ReactorCore& core, std::uint64_t process);
void process_pause(ReactorCore& core, std::uint64_t process);
void process_resume(ReactorCore& core, std::uint64_t process);
int process_pid(ReactorCore& core, std::uint64_t process);
bool process_is_there(ReactorCore& core, std::uint64_t process);
bool process_is_running(ReactorCore& core, std::uint64_t process);
std::uint64_t process_pending(ReactorCore& core, std::uint64_t process);

std::uint64_t watch_file(ReactorCore& core, Bytes path, std::int64_t object);
std::uint64_t watch_process(ReactorCore& core, int pid, std::int64_t object);
std::uint64_t watch_fd(ReactorCore& core, int fd, bool has_readable, bool has_writable, std::int64_t object);
void fd_watch_set_readable(ReactorCore& core, std::uint64_t watch, bool is_on);
void fd_watch_set_writable(ReactorCore& core, std::uint64_t watch, bool is_on);

void open_input(ReactorCore& core, ScriptHandler& handler, bool raw);

}
}
