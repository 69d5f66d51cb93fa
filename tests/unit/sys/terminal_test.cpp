#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "support/child.h"
#include "support/world.h"
#include "tidemill/net/input.h"

using namespace tidemill;
using namespace tidemill::test;

static bool is_by_lines(int fd) {
    termios settings{};
    tcgetattr(fd, &settings);
    return (settings.c_lflag & ICANON) != 0;
}

TEST_CASE("terminal_raw_gives_keys_and_gets_its_settings_back") {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(master >= 0);
    REQUIRE(::grantpt(master) == 0);
    REQUIRE(::unlockpt(master) == 0);
    CHECK(in_child([&] {
              const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
              ::dup2(terminal, 0);
              {
                  Reactor reactor;
                  auto party = std::make_shared<Party>();
                  Result<Connection*> input = open_input(reactor, handler_of(party), true);
                  if (!input || is_by_lines(0)) return 1;
                  if (::write(master, "k", 1) != 1) return 2;
                  if (!run_until(reactor, [&] { return party->received == "k"; })) return 3;
                  input.value()->close();
                  if (!reactor.run() || !is_by_lines(0)) return 4;
                  if (!open_input(reactor, handler_of(party), true) || is_by_lines(0)) return 5;
              }
              return is_by_lines(0) ? 0 : 6;  // by the reactor's end
          }) == 0);
    ::close(master);
}
