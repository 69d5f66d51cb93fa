#include "tidemill/serve/http_hosts.h"

#include <utility>

namespace tidemill {
namespace {

// In lower case, without a port and without the dot of the root.
std::string plain_host(Bytes authority) {
    const std::size_t end = authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':');
    std::string host(authority.substr(0, end));
    for (char& letter : host) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter | 0x20);
    }
    if (host.ends_with('.')) host.pop_back();
    return host;
}

}  // namespace

void HttpHosts::add(std::string_view host, Site site) {
    sites_.insert_or_assign(plain_host(host), std::move(site));
}

const HttpHosts::Site* HttpHosts::find(std::string_view host) const {
    if (const auto exact = sites_.find(host); exact != sites_.end()) return &exact->second;
    for (std::size_t dot = host.find('.'); dot != host.npos; dot = host.find('.', dot + 1)) {
        if (const auto below = sites_.find("*" + std::string(host.substr(dot))); below != sites_.end()) return &below->second;
    }
    const auto other = sites_.find("*");
    return other == sites_.end() ? nullptr : &other->second;
}

void HttpHosts::serve(HttpRequest& request) const {
    const Site* site = find(plain_host(request.authority()));
    if (site != nullptr) return (*site)(request);
    request.respond(421, {{"content-type", "text/plain"}}, "421 Misdirected Request\n");
}

}  // namespace tidemill
