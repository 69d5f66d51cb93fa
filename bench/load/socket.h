// Sockets, and the wait for them.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <sys/epoll.h>

#include "address.h"

using Clock = std::chrono::steady_clock;

constexpr std::size_t scratch_capacity = 64 * 1024;
// Reads of one connection before the others have their turn: else two peers that keep each other busy
// starve the rest.
constexpr int reads_per_turn = 4;
constexpr std::uint32_t end_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

// Page-aligned: the speed of a large copy depends on the buffer's offset within its page.
struct alignas(4096) Scratch : std::array<unsigned char, scratch_capacity> {};

class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int value) : value_(value) {}
    FileDescriptor(FileDescriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~FileDescriptor();

    int get() const { return value_; }

private:
    int value_ = -1;
};

inline Clock::duration to_duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// Connects while still blocking, with a deadline; only then becomes non-blocking. source: where it comes from, or nullptr for the
// system's choice.
FileDescriptor connect_socket(const std::string& endpoint, const Address& address, Clock::time_point deadline,
                              const Address* source = nullptr);

bool is_transient(int error);

class Poller {
public:
    Poller();

    // Edge-triggered, both directions.
    void add(int socket, void* owner) { control(EPOLL_CTL_ADD, socket, owner); }

    // Reports it anew, behind the others.
    void report_again(int socket, void* owner) { control(EPOLL_CTL_MOD, socket, owner); }

    // Calls on_ready(owner, events). Never sleeps: this process has a core of its own, and a sleeping client would charge the server for
    // waking it at every answer, more the faster the server is.
    template <class OnReady>
    void turn(OnReady on_ready) {
        const std::size_t count = poll();
        for (std::size_t i = 0; i < count; ++i) on_ready(events_[i].data.ptr, events_[i].events);
    }

private:
    void control(int operation, int socket, void* owner);
    std::size_t poll();

    FileDescriptor epoll_;
    std::array<epoll_event, 256> events_;
};
