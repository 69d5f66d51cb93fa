#include "tidemill/net/file_watch.h"

#include <algorithm>

namespace tidemill {

// The hub of a reactor, as long as it has one: a stop ends it with everything else.
struct FileHubPlace {
    explicit FileHubPlace(Reactor&) {}
    FileHub* hub = nullptr;
};

static Result<FileHub*> hub_of(Reactor& reactor) {
    FileHub*& hub = reactor.service<FileHubPlace>().hub;
    if (hub != nullptr) return hub;
    auto made = std::make_unique<FileHub>(reactor);
    FileHub& added = *made;
    reactor.add(std::move(made));
    if (Result<void> started = added.start(); !started) {
        reactor.finish_later(added);
        return started.error();
    }
    return hub = &added;
}

// ---- FileWatch ----

static std::string_view event_name(Inotify::Kind kind) {
    switch (kind) {
        case Inotify::Kind::created:
            return "created";
        case Inotify::Kind::deleted:
            return "deleted";
        case Inotify::Kind::moved:
            return "moved";
        case Inotify::Kind::overflow:
            return "overflow";
        default:
            return "modified";
    }
}

Result<void> FileWatch::start() {
    Result<FileHub*> hub = hub_of(reactor_);
    if (!hub) return hub.error();
    Result<int> added = hub.value()->add(*this);
    if (!added) return added.error();
    hub_ = hub.value();
    watch_ = added.value();
    return {};
}

void FileWatch::let_go(bool is_fork) {
    // At a stop and at the reactor's end the hub may be gone before.
    FileHub* hub = std::exchange(hub_, nullptr);
    if (hub != nullptr && !is_fork && reactor_.service<FileHubPlace>().hub == hub) hub->remove(watch_, *this);
}

void FileWatch::tell(const Inotify::Event& event) {
    using Kind = Inotify::Kind;
    if (!is_open()) return;
    if (event.kind == Kind::ignored) return close();  // the last one after a deletion
    // Also a change of its rights, which nobody asked for.
    if (event.kind == Kind::attributes && !(event.is_self && is_path_gone(path_))) return;
    const bool is_end = event.is_self && (event.kind == Kind::deleted || event.kind == Kind::attributes);
    if (is_end) close();
    deliver([&] { function_(is_end ? "deleted" : event_name(event.kind), event.name); });
}

// ---- FileHub ----

Result<void> FileHub::start() {
    if (Result<void> opened = inotify_.open(); !opened) return opened;
    return reactor_.watch(*this, inotify_.fd(), Direction::read);
}

Result<int> FileHub::add(FileWatch& watch) {
    Result<int> number = inotify_.add(watch.path());
    if (number) watches_[number.value()].push_back(watch.id());
    return number;
}

void FileHub::remove(int number, const FileWatch& watch) {
    const auto found = watches_.find(number);
    if (found == watches_.end()) return;
    std::erase(found->second, watch.id());
    if (!found->second.empty()) return;
    watches_.erase(found);
    inotify_.remove(number);
}

void FileHub::on_ready(const Ready& ready) {
    if (ready.readable && inotify_.fd() >= 0) {
        std::vector<Inotify::Event> events;
        // One read at a time: its share of the turn. What is left over is asked for by arming, or by the call below.
        const bool is_more = inotify_.read(events);
        for (const Inotify::Event& event : events) tell(event);
        if (is_more) {
            reactor_.inject({id(), true, false, false});
        } else {
            reactor_.arm(inotify_.fd(), Direction::read);
        }
    }
    while (!waiting_.empty()) {
        if (!reactor_.may_call()) return reactor_.inject({id(), false, false, false});
        const auto [event, id] = std::move(waiting_.front());
        waiting_.pop_front();
        if (Source* watch = reactor_.find(id)) static_cast<FileWatch*>(watch)->tell(event);
    }
}

// Who is to be told is settled when the event is read: a watch that is made later was not there when it happened.
void FileHub::tell(const Inotify::Event& event) {
    for (const auto& [number, ids] : watches_) {
        if (event.kind != Inotify::Kind::overflow && number != event.watch) continue;
        for (const SourceId id : ids) waiting_.emplace_back(event, id);
    }
}

void FileHub::on_stop() {
    abandon(false);
    reactor_.finish_later(*this);
}

void FileHub::abandon(bool is_fork) {
    reactor_.service<FileHubPlace>().hub = nullptr;
    if (!is_fork && inotify_.fd() >= 0) reactor_.unwatch(inotify_.fd());
    inotify_ = {};
    watches_.clear();
    waiting_.clear();
}

Result<FileWatch*> watch_file(Reactor& reactor, std::string_view path, FileWatch::Function function) {
    if (Result<void> usable = reactor.check_usable("watch_file", path); !usable) return usable.error();
    return add_watch(reactor, std::make_unique<FileWatch>(reactor, path, std::move(function)));
}

}  // namespace tidemill
