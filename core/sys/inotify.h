// Changes of files, from the system: inotify(7).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/base/error.h"
#include "tidemill/sys/fd.h"

namespace tidemill {

class Inotify {
public:
    enum class Kind : std::uint8_t { modified, created, deleted, moved, attributes, ignored, overflow };

    struct Event {
        int watch;  // -1 for overflow, which concerns all
        Kind kind;
        bool is_self;  // of what is watched itself, not of an entry of the folder
        std::string name;
    };

    Result<void> open();
    int fd() const { return fd_.get(); }

    // A number for the file or folder: the same one for all paths that lead to it. Errors: os (ENOENT, EACCES, ENOSPC: too many watches).
    Result<int> add(const std::string& path);
    void remove(int watch);

    // Appends what happened since; false: nothing did.
    bool read(std::vector<Event>& events);

private:
    Fd fd_;
};

// Whether nothing is there under the path any more.
bool is_path_gone(const std::string& path);

}  // namespace tidemill
