// FileQueue: the files among a connection's output. The octets stay in the connection's buffer; this knows which file comes behind how
// many of them, so that everything leaves in the order in which it was handed over. A file costs a descriptor and no memory.
#pragma once
#include <cstdint>
#include <deque>
#include <string>

#include "tidemill/net/transport.h"
#include "tidemill/sys/file.h"

namespace tidemill {

class FileQueue {
public:
    bool is_empty() const { return files_.empty(); }

    // Octets of files that have not left.
    std::uint64_t size() const { return size_; }

    // buffered: how many octets are in the buffer now, all of which go first.
    void push(File file, std::string path, std::uint64_t offset, std::uint64_t length, std::size_t buffered);

    // How many octets of the buffer go before the next file.
    std::size_t octets_before() const { return files_.front().octets_before; }
    void consume_octets(std::size_t count);

    // Sends of the file whose turn it is, at most `most` octets; through `buffer` if the transport has no better way. end: the file has
    // become shorter; failed with the file's own error: is_file_error() is true.
    IoResult send(Transport& transport, char* buffer, std::size_t buffer_size, std::size_t most);

    // The file whose turn it is has been sent, or is empty: the next one's turn.
    void pop_sent();

    const std::string& path() const { return files_.front().path; }
    bool is_file_error() const { return is_file_error_; }
    void clear();

private:
    struct Entry {
        Fd file;
        std::string path;
        std::uint64_t offset;
        std::uint64_t left;
        std::size_t octets_before;  // behind the file before it
        bool is_copied;  // the transport cannot take it from the system
    };

    IoResult copy(Entry& entry, Transport& transport, char* buffer, std::size_t size);

    std::deque<Entry> files_;
    std::uint64_t size_ = 0;
    std::size_t octets_before_last_ = 0;  // all octets_before together
    bool is_file_error_ = false;
};

}  // namespace tidemill
