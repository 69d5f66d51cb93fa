// Files that text is appended to: logs. Nothing here waits for longer than it is told, but for a disk.
#pragma once
#include <string>

#include "tidemill/base/bytes.h"
#include "tidemill/base/clock.h"
#include "tidemill/base/error.h"
#include "tidemill/sys/fd.h"
#include "tidemill/sys/socket.h"

namespace tidemill {

struct AppendFile {
    Fd fd;
    bool is_regular = false;
};

// Makes the file if there is none, for its owner to write and its group to read. A named pipe needs a reader. "-": standard output, by a
// descriptor of its own. Errors: os; argument (a zero octet).
Result<AppendFile> open_to_append(const std::string& path);

// write(2), without SIGPIPE. What a pipe or a terminal has no room for is waited for up to `patience`, then it is would_block; one call takes no
// more than PIPE_BUF there, which goes as a whole.
IoResult append(const AppendFile& file, Bytes text, Duration patience);

}  // namespace tidemill
