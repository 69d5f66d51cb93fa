#include "tidemill/net/file_queue.h"

#include <algorithm>
#include <cerrno>

namespace tidemill {

void FileQueue::push(File file, std::string path, std::uint64_t offset, std::uint64_t length, std::size_t buffered) {
    files_.push_back({std::move(file.fd), std::move(path), offset, length, buffered - octets_before_last_, false});
    octets_before_last_ = buffered;
    size_ += length;
}

void FileQueue::consume_octets(std::size_t count) {
    files_.front().octets_before -= count;
    octets_before_last_ -= count;
}

IoResult FileQueue::send(Transport& transport, char* buffer, std::size_t buffer_size, std::size_t most) {
    Entry& entry = files_.front();
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(most, entry.left));
    IoResult sent = entry.is_copied ? IoResult::failed(ENOSYS) : transport.send_file(entry.file.get(), entry.offset, size);
    if (sent.kind == IoResult::Kind::error && (sent.error == ENOSYS || sent.error == EINVAL)) {
        entry.is_copied = true;
        sent = copy(entry, transport, buffer, std::min(size, buffer_size));
    }
    if (sent.kind == IoResult::Kind::done) {
        entry.offset += sent.count;
        entry.left -= sent.count;
        size_ -= sent.count;
    }
    return sent;
}

// What the transport does not take is read again the next time: nothing is kept in memory between two turns.
IoResult FileQueue::copy(Entry& entry, Transport& transport, char* buffer, std::size_t size) {
    const IoResult read = read_file(entry.file.get(), entry.offset, buffer, size);
    is_file_error_ = read.kind == IoResult::Kind::error;
    if (read.kind != IoResult::Kind::done) return read;
    const Slice slice{buffer, read.count};
    return transport.write(&slice, 1);
}

void FileQueue::pop_sent() {
    while (!files_.empty() && files_.front().octets_before == 0 && files_.front().left == 0) files_.pop_front();
}

void FileQueue::clear() {
    files_.clear();
    size_ = octets_before_last_ = 0;
}

}  // namespace tidemill
