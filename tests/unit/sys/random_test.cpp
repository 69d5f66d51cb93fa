#include "tidemill/sys/random.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

using namespace tidemill;

TEST_CASE("random_octets_differ_across_batches_and_sources") {
    SystemRandom one, other;
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i)
        for (SystemRandom* source : {&one, &other}) {
            std::string octets(16, '\0');
            REQUIRE(source->fill(octets.data(), octets.size()));
            CHECK(seen.insert(octets).second);
        }
    // 32,000 octets: every value is there, unless once in 10^51 runs.
    std::set<char> values;
    for (const std::string& octets : seen) values.insert(octets.begin(), octets.end());
    CHECK(values.size() == 256);
}

TEST_CASE("random_fills_any_size_and_nothing_beyond") {
    SystemRandom source;
    for (const std::size_t size : {0, 1, 255, 256, 257, 1000}) {
        std::string octets(size + 8, '#');
        REQUIRE(source.fill(octets.data(), size));
        CHECK(octets.substr(size) == "########");
        if (size >= 255) CHECK(octets.substr(size - 32, 32) != std::string(32, '#'));
    }
}

TEST_CASE("random_octets_of_a_fork_are_not_its_parents") {
    SystemRandom source;
    char first = 0;
    REQUIRE(source.fill(&first, 1));  // the batch is there
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        char octets[32] = {};
        const bool is_filled = source.fill(octets, sizeof octets);
        const bool is_told = write(ends[1], octets, sizeof octets) == static_cast<ssize_t>(sizeof octets);
        _exit(is_filled && is_told ? 0 : 1);
    }
    REQUIRE(child > 0);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    std::string theirs(32, '\0'), ours(32, '\0');
    CHECK(read(ends[0], theirs.data(), theirs.size()) == 32);
    REQUIRE(source.fill(ours.data(), ours.size()));
    CHECK(ours != theirs);
    close(ends[0]);
    close(ends[1]);
}
