// The loop at script size; bindings/facade.h says what each does. Re-declared here: this page is the contract with the scripts, and a
// function that is missing there does not compile. Timers, ticks and posts are not here: each language has them by hand (bindings/README.md).
namespace tidemill {
namespace script {

class ReactorCore {
public:
    ReactorCore(Host* host, Bytes poller, Bytes clock);
    ~ReactorCore();

    void run(ReactorObject self);
    bool run_once(ReactorObject self, double timeout);
    bool poll(ReactorObject self, double timeout, double budget);
    bool take_stopped();
    void stop();
    void drain(double deadline);
    bool is_draining();
    void attach_to_worker();
    int fd();
    int wake_fd();
    double now();
    void advance(double seconds);
    bool is_running();
    Bytes poller();
    Bytes metrics();
    Bytes prometheus();
    void set_slow_callback(double seconds, std::int64_t watch);
    void set_spin(double seconds);

    void check_thread(Bytes operation);
    void check_going(Bytes operation);
    void deliver(std::int64_t ticket);
    std::uint64_t hold(std::int64_t ticket);
    bool release(std::uint64_t hold);
    bool timer_is_active(std::uint64_t timer);

    std::uint64_t listen(Bytes endpoint, std::int64_t factory, int backlog, int mode, bool reuse_port, int max_connections, TlsCore* tls);
    Bytes listener_endpoint(std::uint64_t listener);
    bool listener_is_open(std::uint64_t listener);
    void listener_pause(std::uint64_t listener);
    void listener_resume(std::uint64_t listener);
    void listener_close(std::uint64_t listener);

    void connect(Bytes endpoint, ScriptHandler& handler, double connect_timeout, TlsCore* tls, Bytes server_name);

    void resolve(Bytes host, std::int64_t ticket);
    void resolve_cancel(std::int64_t ticket);
    Bytes take_answer();
    std::uint64_t threads();
    void set_threads(std::int64_t count);
    void cancel_job(std::uint64_t job);

    std::uint64_t on_signal(Bytes name, std::int64_t object);
    bool watch_is_open(std::uint64_t watch);
    void watch_close(std::uint64_t watch);
};

bool notify_systemd(Bytes state);
void inherit_sockets();

Bytes error_table();
Bytes version();
std::uint64_t worker_queue();

}
}
