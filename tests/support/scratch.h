// Scratch: a new folder that goes away with the object.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

namespace tidemill::test {

class Scratch {
public:
    // Below /tmp and not $TMPDIR: a UNIX socket's path may have 107 octets only.
    Scratch() { static_cast<void>(::mkdtemp(folder_)); }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    std::string path(const std::string& name) const { return std::string(folder_) + "/" + name; }

private:
    char folder_[32] = "/tmp/tidemill-test-XXXXXX";
};

}  // namespace tidemill::test
