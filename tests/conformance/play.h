// A scenario, played over one transport with one poller.
#pragma once
#include <optional>
#include <string>

#include "scenario.h"

namespace conformance {

// Where and why a scenario failed or is malformed.
struct Trouble {
    std::string line;  // or "end"
    std::string text;
};

// Nothing if all went well. folder: for UNIX sockets. A scenario that takes two minutes ends the program.
std::optional<Trouble> play(const Scenario& scenario, const std::string& transport, const std::string& poller, const std::string& folder);

}  // namespace conformance
