// A line for an access log, in the combined format that log readers know: for HttpConnection::on_response. access_log.h writes them to a file.
#pragma once
#include <cstdint>
#include <string>

#include "tidemill/serve/http_request.h"

namespace tidemill {

// One line without its end, of a kibibyte at most. What the peer chose is escaped as \xNN where it is a quotation mark, a backslash or no
// visible ASCII, so that nobody can forge another line.
std::string combined_log_line(const HttpRequest& request, int status, std::uint64_t octets);

}  // namespace tidemill
