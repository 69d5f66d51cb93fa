// Files that are sent over streams: opened, read at a place, and handed to a socket by the system. Nothing here waits for anything but
// the disk.
#pragma once
#include <cstdint>
#include <string>

#include "tidemill/base/error.h"
#include "tidemill/sys/fd.h"
#include "tidemill/sys/socket.h"

namespace tidemill {

struct File {
    Fd fd;
    std::uint64_t size = 0;  // when it was opened
    std::int64_t modified = 0;  // seconds since 1970, and nanoseconds
    std::uint32_t modified_nanoseconds = 0;
};

// For reading; regular files only. Errors: os (missing, no permission, a directory, out of descriptors), argument (a pipe, a device).
Result<File> open_file(const std::string& path);

// A folder to open files in. Errors: os, argument.
Result<Fd> open_folder(const std::string& path);

// As open_file, with a relative path that cannot leave the folder, not by .. and not by a symbolic link; links within it are followed
// where the system can see to that (openat2(2), RESOLVE_BENEATH) and refused where it cannot. Errors: as open_file; os with EXDEV or ELOOP for
// a path that would have left.
Result<File> open_beneath(const Fd& folder, const std::string& path);
// The way of a system without openat2(2), for tests.
Result<File> open_beneath_step_by_step(const Fd& folder, const std::string& path);

// pread(2): end beyond the last octet.
IoResult read_file(int file, std::uint64_t offset, char* data, std::size_t size);

// sendfile(2), without SIGPIPE. end when the file has no octet at the offset; failed(EINVAL) or failed(ENOSYS) if this system or this
// kind of file cannot do it.
IoResult send_file(int socket, int file, std::uint64_t offset, std::size_t size);

}  // namespace tidemill
