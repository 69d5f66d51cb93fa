#include "tidemill/serve/http_log.h"

#include <algorithm>
#include <ctime>

#include "tidemill/serve/http_date.h"

namespace tidemill {
namespace {

constexpr std::size_t longest_part = 300;

// In quotation marks; "-" for nothing.
void add_quoted(std::string& line, Bytes text) {
    constexpr char digits[] = "0123456789abcdef";
    line += '"';
    if (text.empty()) line += '-';
    const std::size_t begin = line.size();
    for (const char octet : text) {
        if (line.size() - begin >= longest_part) break;
        const auto number = static_cast<unsigned char>(octet);
        if (number > 0x1f && number < 0x7f && octet != '"' && octet != '\\') {
            line += octet;
        } else {
            line.append("\\x") += digits[number >> 4];
            line += digits[number & 15];
        }
    }
    line += '"';
}

// Of "tcp://127.0.0.1:1234" the address. Others have none: the path of a UNIX socket is the peer's choice.
std::string host_of(const std::string& endpoint) {
    if (!endpoint.starts_with("tcp://") && !endpoint.starts_with("tls://")) return "-";
    std::string host = endpoint.substr(6, endpoint.rfind(':') - 6);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return host.empty() ? "-" : host;
}

}  // namespace

std::string combined_log_line(const HttpRequest& request, int status, std::uint64_t octets) {
    std::string line = host_of(request.connection().peer());
    const std::string date = http_date(std::time(nullptr));  // "Sun, 06 Nov 1994 08:49:37 GMT"
    line.append(" - - [").append(date, 5, 2).append("/").append(date, 8, 3).append("/").append(date, 12, 4).append(":");
    line.append(date, 17, 8).append(" +0000] ");
    std::string what(request.method());
    what.append(" ").append(request.target()).append(request.minor_version() == 0 ? " HTTP/1.0" : " HTTP/1.1");
    add_quoted(line, what);
    line.append(" ").append(std::to_string(status)).append(" ").append(std::to_string(octets)).append(" ");
    add_quoted(line, request.header("referer"));
    line += ' ';
    add_quoted(line, request.header("user-agent"));
    return line;
}

}  // namespace tidemill
