#include "tidemill/serve/access_log.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "tidemill/reactor/work_threads.h"
#include "tidemill/serve/http_log.h"
#include "tidemill/sys/append_file.h"

namespace tidemill {

// What is added and has not been written, and who is to write it. It outlives the log, as a thread may be writing.
struct AccessLog::Lines : std::enable_shared_from_this<Lines> {
    std::mutex mutex;
    std::condition_variable has_written;
    const std::string path;
    std::shared_ptr<AppendFile> file;  // none: closed
    std::string waiting;
    std::size_t leaving = 0;  // octets that a thread has taken and not written yet
    std::uint64_t drops = 0;     // that the metrics do not know yet
    bool is_scheduled = false;   // somebody will write: a timer, or a job
    bool is_being_written = false;  // by a thread

    Lines(std::string name, AppendFile opened) : path(std::move(name)), file(std::make_shared<AppendFile>(std::move(opened))) {}

    void count_drops(Reactor& reactor) { reactor.count().access_log_drops += std::exchange(drops, 0); }
    void schedule(Reactor& reactor);
    void submit(Reactor& reactor);
    void finish(Reactor& reactor);
    void write(Duration patience);
    std::size_t write_some(const AppendFile& to, Bytes text, Duration patience, bool& is_broken);
};

namespace {

std::uint64_t lines_of(Bytes text) {
    return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

// So many octets of a pipe's or a terminal's share as are whole lines; a line is shorter than a share.
Bytes whole_lines(Bytes text) {
    constexpr std::size_t share = 4096;
    if (text.size() <= share) return text;
    return text.substr(0, text.rfind('\n', share - 1) + 1);
}

}  // namespace

// In the loop. The hold writes what waits if the reactor stops before the time has come.
void AccessLog::Lines::schedule(Reactor& reactor) {
    const HoldId hold = reactor.hold([self = shared_from_this(), &reactor] { self->finish(reactor); });
    reactor.call_later(limits::access_log_delay, [self = shared_from_this(), &reactor, hold] {
        self->submit(reactor);
        reactor.release(hold);
    });
    if (hold == 0) finish(reactor);  // it stops already
}

void AccessLog::Lines::submit(Reactor& reactor) {
    const auto work = [self = shared_from_this()] { self->write(limits::access_log_patience); };
    const auto done = [self = shared_from_this(), &reactor](const Error& error) {
        if (error.is_set()) return self->finish(reactor);
        bool is_left = false;
        {
            const std::lock_guard guard(self->mutex);
            self->count_drops(reactor);
            is_left = self->is_scheduled = !self->waiting.empty() && self->file != nullptr;
        }
        if (is_left) self->schedule(reactor);
    };
    const Result<std::uint64_t> submitted = reactor.service<WorkThreads>().submit(work, done);
    if (submitted.ok()) return;
    submitted.error().code == ErrorCode::limit ? schedule(reactor) : finish(reactor);
}

// The reactor stops, there will be no thread.
void AccessLog::Lines::finish(Reactor& reactor) {
    write(Duration{0});
    const std::lock_guard guard(mutex);
    is_scheduled = false;
    count_drops(reactor);
}

void AccessLog::Lines::write(Duration patience) {
    std::unique_lock guard(mutex);
    // Lines must not overtake each other. A thread that is at it does not wait for longer than its patience.
    if (!has_written.wait_for(guard, limits::access_log_patience * 2, [this] { return !is_being_written; })) return;
    is_being_written = true;
    bool is_stuck = false;
    while (!is_stuck && file != nullptr && !waiting.empty()) {
        const std::shared_ptr<AppendFile> to = file;
        const std::string text = std::exchange(waiting, {});
        leaving = text.size();
        guard.unlock();
        bool is_broken = false;
        const std::size_t written = write_some(*to, text, patience, is_broken);
        guard.lock();
        leaving = 0;
        if (is_broken) {
            drops += lines_of(Bytes(text).substr(written));
        } else if (written < text.size()) {
            waiting.insert(0, text, written);
            is_stuck = true;
        }
    }
    is_being_written = false;
    has_written.notify_all();
}

// How much was taken; is_broken: and no more ever will be.
std::size_t AccessLog::Lines::write_some(const AppendFile& to, Bytes text, Duration patience, bool& is_broken) {
    std::size_t written = 0;
    while (written < text.size()) {
        const Bytes rest = text.substr(written);
        const IoResult result = append(to, to.is_regular ? rest : whole_lines(rest), patience);
        is_broken = result.kind == IoResult::Kind::error;
        if (result.kind != IoResult::Kind::done) return written;
        written += result.count;
    }
    return written;
}

Result<AccessLog> AccessLog::open(const std::string& path) {
    Result<AppendFile> file = open_to_append(path);
    if (!file) return file.error();
    return AccessLog(std::make_shared<Lines>(path, std::move(file).value()));
}

bool AccessLog::add(const HttpRequest& request, int status, std::uint64_t octets) {
    const std::string line = combined_log_line(request, status, octets) + '\n';
    Reactor& reactor = request.connection().reactor();
    {
        const std::lock_guard guard(lines_->mutex);
        if (lines_->file == nullptr) return false;
        if (lines_->waiting.size() + lines_->leaving + line.size() > limits::access_log_waiting) {
            ++lines_->drops;
            lines_->count_drops(reactor);
            return false;
        }
        lines_->waiting += line;
        if (std::exchange(lines_->is_scheduled, true)) return true;
    }
    lines_->schedule(reactor);
    return true;
}

Result<void> AccessLog::reopen() {
    Result<AppendFile> opened = open_to_append(lines_->path);
    if (!opened) return opened.error();
    const std::lock_guard guard(lines_->mutex);
    if (lines_->file == nullptr) return make_error(ErrorCode::closed, "reopen", lines_->path, "the log is closed");
    lines_->file = std::make_shared<AppendFile>(std::move(opened).value());
    return {};
}

void AccessLog::close() {
    if (lines_ == nullptr) return;
    lines_->write(Duration{0});
    const std::lock_guard guard(lines_->mutex);
    lines_->file = nullptr;
    lines_->waiting.clear();
}

AccessLog::AccessLog(std::shared_ptr<Lines> lines) : lines_(std::move(lines)) {}

AccessLog::AccessLog(AccessLog&&) noexcept = default;

AccessLog& AccessLog::operator=(AccessLog&& other) noexcept {
    if (this == &other) return *this;
    close();
    lines_ = std::move(other.lines_);
    return *this;
}

AccessLog::~AccessLog() {
    close();
}

}  // namespace tidemill
