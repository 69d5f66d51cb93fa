// FileWatch: a function called from the loop when a file or folder changes. It keeps run() running until it is closed.
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tidemill/net/watch.h"
#include "tidemill/sys/inotify.h"

namespace tidemill {

class FileHub;

class FileWatch final : public Watch {
public:
    // event: "modified", "created", "deleted", "moved" or "overflow". name: the entry of a watched folder; "" when it is the watched file
    // or folder itself.
    using Function = std::function<void(std::string_view event, std::string_view name)>;

    FileWatch(Reactor& reactor, std::string_view path, Function function) : Watch(reactor), path_(path), function_(std::move(function)) {}

    Result<void> start();

    // As it was given.
    const std::string& path() const { return path_; }

    void on_ready(const Ready&) override {}

    // By the hub. After "deleted" of the watched file itself the watch is closed.
    void tell(const Inotify::Event& event);

private:
    void let_go(bool is_fork) override;

    std::string path_;
    Function function_;
    FileHub* hub_ = nullptr;
    int watch_ = -1;
};

// What the watches of a reactor share: one inotify descriptor, and the events that were read and not told yet.
class FileHub final : public Source {
public:
    explicit FileHub(Reactor& reactor) : reactor_(reactor) {}

    Result<void> start();
    // Errors: os.
    Result<int> add(FileWatch& watch);
    void remove(int number, const FileWatch& watch);

    bool is_background() const override { return true; }
    void on_ready(const Ready& ready) override;
    void on_stop() override;
    void abandon(bool is_fork) override;

private:
    void tell(const Inotify::Event& event);

    Reactor& reactor_;
    Inotify inotify_;
    std::unordered_map<int, std::vector<SourceId>> watches_;  // by the system's number
    std::deque<std::pair<Inotify::Event, SourceId>> waiting_;  // one call each
};

// Tells of: the file's content; a folder's entries that were made, moved in ("created"), moved out ("moved"), removed or written to; the file
// or folder itself that was moved (the watch stays on it) or deleted (the watch then closes). Several watches of one path are all told.
// "overflow": the system lost events; look for yourself. Errors: os (ENOENT, ...), state.
Result<FileWatch*> watch_file(Reactor& reactor, std::string_view path, FileWatch::Function function);

}  // namespace tidemill
