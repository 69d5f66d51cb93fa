// Reading and writing descriptors that are no sockets: pipes and terminals.
#pragma once
#include <memory>

#include "tidemill/base/buffer.h"
#include "tidemill/sys/socket.h"

namespace tidemill {

// read(2) of a non-blocking descriptor.
IoResult read_fd(int fd, char* data, std::size_t size);

// writev(2) to a non-blocking descriptor; never raises SIGPIPE, whatever the program does about that signal.
IoResult write_fd(int fd, const Slice* slices, std::size_t count);

// Whether the other end of a pipe is gone.
bool has_hung_up(int fd);

struct Readiness {
    bool readable = false;
    bool writable = false;
};

// What is ready at this moment: poll(2) without waiting. A hang-up or an error is both.
Readiness look_at(int fd);

// A second descriptor of the same thing, CLOEXEC. Errors: os.
Result<Fd> duplicate(int fd, std::string_view operation);

// Whether readiness means anything for it: not for plain files and folders, which are always ready (epoll_ctl(2), EPERM).
bool can_be_watched(int fd);

// A terminal that gives each key as it is typed and shows none (not canonical, no echo; Ctrl-C and the like still are signals), and gets its
// old settings back at the end. Nothing if the descriptor is no terminal.
class RawTerminal {
public:
    explicit RawTerminal(int fd);
    ~RawTerminal();
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

    // The settings are no longer this process's to restore.
    void disown() { before_.reset(); }

private:
    struct Settings;
    struct FreeSettings {
        void operator()(Settings* settings) const;
    };

    int fd_;
    std::unique_ptr<Settings, FreeSettings> before_;
};

}  // namespace tidemill
