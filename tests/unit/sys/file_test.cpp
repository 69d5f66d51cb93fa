#include "tidemill/sys/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/scratch.h"
#include "tidemill/net/file_queue.h"

using namespace tidemill;
using tidemill::test::Scratch;

namespace {

std::string make_file(const Scratch& scratch, const std::string& octets) {
    std::ofstream(scratch.path("f"), std::ios::binary) << octets;
    return scratch.path("f");
}

struct SocketPair {
    SocketPair() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        near = Fd(ends[0]);
        far = Fd(ends[1]);
    }
    Fd near;
    Fd far;
};

// Takes a few octets at a time and knows no files.
class Narrow final : public Transport {
public:
    Result<void> attach(const Source&) override { return {}; }
    IoResult read(char*, std::size_t) override { return IoResult::would_block(); }
    IoResult write(const Slice* slices, std::size_t) override {
        const std::size_t count = std::min<std::size_t>(3, slices->size);
        written.append(slices->data, count);
        return IoResult::done(count);
    }
    void arm(Direction) override {}
    void shut_down_writing() override {}
    void reset() override {}
    std::string peer() const override { return {}; }
    std::string local() const override { return {}; }

    std::string written;
};

}  // namespace

TEST_CASE("file_opened_knows_its_size_and_closes_on_exec") {
    const Scratch scratch;
    Result<File> file = open_file(make_file(scratch, "0123456789"));
    REQUIRE(file.ok());
    CHECK(file.value().size == 10);
    CHECK((::fcntl(file.value().fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(open_file("/dev/null").error().code == ErrorCode::argument);
    CHECK(open_file(scratch.path("none")).error().os == ENOENT);
}

TEST_CASE("file_read_at_a_place_ends_behind_its_last_octet") {
    const Scratch scratch;
    Result<File> file = open_file(make_file(scratch, "0123456789"));
    char buffer[16];
    const IoResult read = read_file(file.value().fd.get(), 7, buffer, sizeof buffer);
    REQUIRE(read.kind == IoResult::Kind::done);
    CHECK(std::string(buffer, read.count) == "789");
    CHECK(read_file(file.value().fd.get(), 10, buffer, sizeof buffer).kind == IoResult::Kind::end);
    CHECK(read_file(-1, 0, buffer, sizeof buffer).error == EBADF);
}

TEST_CASE("file_sent_to_a_socket_until_it_is_full") {
    const Scratch scratch;
    Result<File> file = open_file(make_file(scratch, std::string(10'000'000, 'x')));
    const SocketPair pair;
    std::uint64_t sent = 0;
    IoResult last = IoResult::done(0);
    while ((last = send_file(pair.near.get(), file.value().fd.get(), sent, 10'000'000 - sent)).kind == IoResult::Kind::done)
        sent += last.count;
    CHECK(last.kind == IoResult::Kind::would_block);
    CHECK(sent > 0);
    CHECK(send_file(pair.near.get(), file.value().fd.get(), 10'000'000, 1).kind == IoResult::Kind::end);
}

TEST_CASE("file_queue_copies_for_a_transport_that_knows_no_files") {
    const Scratch scratch;
    const std::string path = make_file(scratch, "0123456789");
    FileQueue queue;
    queue.push(std::move(open_file(path)).value(), path, 2, 7, 5);
    queue.push(std::move(open_file(path)).value(), path, 0, 1, 5);
    CHECK(queue.size() == 8);
    CHECK(queue.octets_before() == 5);
    queue.consume_octets(5);
    Narrow transport;
    char buffer[4];
    for (; !queue.is_empty(); queue.pop_sent()) {
        REQUIRE(queue.octets_before() == 0);
        CHECK(queue.send(transport, buffer, sizeof buffer, 100).kind == IoResult::Kind::done);
    }
    CHECK(transport.written == "23456780");
    CHECK(queue.size() == 0);
}

TEST_CASE("file_beneath_a_folder_never_leaves_it") {
    namespace fs = std::filesystem;
    const Scratch scratch;
    const fs::path root = scratch.path("root");
    fs::create_directories(root / "sub");
    std::ofstream(root / "sub" / "in") << "in";
    std::ofstream(scratch.path("out")) << "out";
    fs::create_symlink("../out", root / "link");
    fs::create_directory_symlink("..", root / "up");
    fs::create_symlink("in", root / "sub" / "same");
    Result<Fd> folder = open_folder(root.string());
    REQUIRE(folder.ok());
    for (const auto& open : {open_beneath, open_beneath_step_by_step}) {
        Result<File> file = open(folder.value(), "sub/in");
        REQUIRE(file.ok());
        CHECK(file.value().size == 2);
        CHECK(file.value().modified > 0);
        for (const char* outside : {"../out", "sub/../../out", "link", "up/out", "/etc/passwd", "", "none", "sub/in/more"}) {
            CAPTURE(outside);
            CHECK_FALSE(open(folder.value(), outside).ok());
        }
        CHECK(open(folder.value(), "sub").error().os == EISDIR);
        CHECK(open(folder.value(), std::string("sub/in\0x", 8)).error().code == ErrorCode::argument);
    }
    CHECK_FALSE(open_beneath_step_by_step(folder.value(), "sub/same").ok());
    CHECK(open_folder(scratch.path("out")).error().os == ENOTDIR);
}
