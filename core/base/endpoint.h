// Endpoint: where something listens or connects to, as text and in parts. No system call: a host name stays a name.
//
//   tcp://127.0.0.1:8080   tcp://[::1]:0   tcp://example.org:80   unix:///run/x.sock   unix://@abstract   memory://name
//   udp://127.0.0.1:8125   udp://[::1]:0   unix-datagram:///run/x.sock   unix-datagram://@abstract   unix-datagram://@
//   tls://127.0.0.1:8443   tls://example.org:443
//   systemd://name         a socket that the service manager opened and passed on, by name or place (systemd://0); for listening
//
// Port 0 asks for any free port and is meant for listening, and so is the name "@" of a UNIX datagram socket for any free abstract name.
// A memory endpoint lives inside one reactor.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "tidemill/base/error.h"

namespace tidemill {

struct Endpoint {
    enum class Scheme : std::uint8_t { tcp, tls, unix_, memory, udp, unix_datagram, systemd };

    Scheme scheme = Scheme::tcp;
    std::string host;  // tcp, tls, udp: name or literal address without brackets; unix: path, "@name" if abstract; memory: name
    std::uint16_t port = 0;

    bool is_datagram() const { return scheme == Scheme::udp || scheme == Scheme::unix_datagram; }
    bool is_unix() const { return scheme == Scheme::unix_ || scheme == Scheme::unix_datagram; }

    // The canonical text; parse_endpoint(text()) gives the same endpoint. An unnamed UNIX peer is "unix://" or "unix-datagram://".
    std::string text() const;
};

// Errors: argument, with a detail that says what is wrong. operation: what it is for, repeated in the error.
Result<Endpoint> parse_endpoint(std::string_view text, std::string_view operation);

}  // namespace tidemill
