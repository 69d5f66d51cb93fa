// Connection::send_file: files between the octets of the output queue.
#include <cerrno>
#include <utility>

#include "tidemill/net/rare.h"

namespace tidemill {

bool Connection::rare_has_files() const {
    return !rare_->files.is_empty();
}

std::size_t Connection::unsent_file_octets() const {
    return static_cast<std::size_t>(rare_->files.size());
}

Result<void> Connection::send_file(std::string_view path, std::int64_t offset, std::int64_t length) {
    if (Result<void> checked = check_file(path, offset, length); !checked) return checked;
    Result<File> opened = open_file(std::string(path));
    if (!opened) return opened.error();
    return send_open_file(std::move(opened).value(), path, offset, length);
}

Result<void> Connection::check_file(std::string_view name, std::int64_t offset, std::int64_t length) const {
    if (Result<void> usable = reactor_.check_usable("send_file", name); !usable) return usable;
    const auto refuse = [&](ErrorCode code, std::string_view why) { return make_error(code, "send_file", name, why); };
    if (state_ >= State::closing || is_broken()) return refuse(ErrorCode::closed, "the connection is closed");
    if (is_end_write_asked_) return refuse(ErrorCode::state, "end_write() was called before");
    if (offset < 0 || length < -1) return refuse(ErrorCode::argument, "offset must be 0 or more, length as well or -1 for the rest");
    return {};
}

Result<void> Connection::send_open_file(File file, std::string_view name, std::int64_t offset, std::int64_t length) {
    if (Result<void> checked = check_file(name, offset, length); !checked) return checked;
    const auto refuse = [&](ErrorCode code, std::string_view why) { return make_error(code, "send_file", name, why); };
    const std::uint64_t size = file.size, begin = static_cast<std::uint64_t>(offset);
    if (begin > size) return refuse(ErrorCode::argument, "the offset is beyond the end of the file");
    const std::uint64_t count = length < 0 ? size - begin : static_cast<std::uint64_t>(length);
    if (count > size - begin) return refuse(ErrorCode::argument, "the file ends before offset + length");
    rare().files.push(std::move(file), std::string(name), begin, count, output_.size());
    // What is written behind a file waits in memory until the file has left: the writer is asked to wait as well.
    is_above_high_ = true;
    if (is_opened_ && can_write_) reactor_.flush_later(*this);
    return {};
}

// Writes what is queued as far as there are files in it.
void Connection::write_files() {
    FileQueue& files = rare_->files;
    std::uint64_t allowance = limits::file_per_turn;
    for (files.pop_sent(); can_write_ && !files.is_empty(); files.pop_sent()) {
        if (allowance == 0) return call_me();
        if (files.octets_before() > 0) {
            Slice slices[limits::gather_blocks];
            const std::size_t count = trim(slices, output_.peek(slices, limits::gather_blocks), files.octets_before());
            const IoResult written = transport_->write(slices, count);
            if (!has_taken(written)) return;
            output_.consume(written.count);
            files.consume_octets(written.count);
        } else {
            const auto most = static_cast<std::size_t>(allowance);
            const IoResult sent = files.send(*transport_, reactor_.receive_buffer(), limits::receive_buffer, most);
            if (sent.kind == IoResult::Kind::end || files.is_file_error()) return on_file_failed(sent.error);
            if (!has_taken(sent)) return;
            allowance -= sent.count;
        }
    }
}

// Cuts the slices off behind so many octets; answers how many are left.
std::size_t Connection::trim(Slice* slices, std::size_t count, std::size_t octets) {
    for (std::size_t i = 0; i < count; ++i) {
        if (slices[i].size >= octets) {
            slices[i].size = octets;
            return i + 1;
        }
        octets -= slices[i].size;
    }
    return count;
}

// The peer was promised more than there is. A reset, so that it does not take what it got for the whole.
void Connection::on_file_failed(int error) {
    const std::string path = rare_->files.path();
    transport_->reset();
    Error reason = os_error(error != 0 ? error : EIO, "send_file", path);
    if (error == 0) reason.detail = "the file became shorter while it was being sent";
    end(std::move(reason));
}

}  // namespace tidemill
