// PipeTransport: one end of a pipe, which goes one way only. InputTransport: this program's standard input, whatever that is.
#pragma once
#include <optional>

#include "tidemill/net/transport.h"
#include "tidemill/reactor/reactor.h"
#include "tidemill/sys/fd.h"
#include "tidemill/sys/pipe.h"

namespace tidemill {

class PipeTransport final : public Transport {
public:
    // fd: non-blocking. is_writer: the end that is written to; its reading ends when the reader is gone.
    PipeTransport(Reactor& reactor, Fd fd, bool is_writer) : reactor_(reactor), fd_(std::move(fd)), is_writer_(is_writer) {}
    ~PipeTransport() override { unwatch(); }

    Result<void> attach(const Source& owner) override;
    IoResult read(char* data, std::size_t size) override;
    IoResult write(const Slice* slices, std::size_t count) override { return write_fd(fd_.get(), slices, count); }
    void arm(Direction direction) override;
    void shut_down_writing() override;
    void reset() override {}
    void disown() override { is_watched_ = false; }
    std::string peer() const override { return {}; }
    std::string local() const override { return {}; }

private:
    void unwatch();

    Reactor& reactor_;
    Fd fd_;
    bool is_writer_;
    bool is_watched_ = false;
};

// Reads when the system says that there is something, and so leaves the descriptor as it is: O_NONBLOCK would hold for everybody who has
// the terminal open, such as the shell that started this program.
class InputTransport final : public Transport {
public:
    // fd: a duplicate of our own. is_raw: as RawTerminal.
    InputTransport(Reactor& reactor, Fd fd, bool is_raw);
    ~InputTransport() override;

    Result<void> attach(const Source& owner) override;
    IoResult read(char* data, std::size_t size) override;
    IoResult write(const Slice*, std::size_t) override;
    void arm(Direction direction) override;
    void shut_down_writing() override {}
    void reset() override {}
    void disown() override;
    std::string peer() const override { return {}; }
    std::string local() const override { return {}; }

private:
    Reactor& reactor_;
    Fd fd_;
    std::optional<RawTerminal> terminal_;
    std::uint64_t owner_ = 0;
    bool is_watched_ = false;  // not what is always ready: files, /dev/null
};

}  // namespace tidemill
