// Digests and the text that carries them, by OpenSSL: what protocols prescribe that is no secrecy of its own.
#pragma once
#include <string>

#include "tidemill/base/bytes.h"
#include "tidemill/base/error.h"

namespace tidemill {

// 20 octets. Only where a protocol has it in its handshake (RFC 6455 4.2.2): it is not safe for anything else. Errors: tls (this OpenSSL is
// configured without it).
Result<std::string> sha1(Bytes octets);

// With fillers, without line breaks (RFC 4648 4).
std::string base64(Bytes octets);

}  // namespace tidemill
