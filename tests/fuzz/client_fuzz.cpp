// libFuzzer: what a client of HTTP reads beside the messages. A URL parses to one whose text parses to the same, whatever it is resolved against;
// a compressed body gives the same octets however it is cut, and keeps to its bounds.
//
// The first octet says which of the two, and where the octets are cut.
#include <tidemill/base/limits.h>
#include <tidemill/base/url.h>
#include <tidemill/proto/gunzip.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace tidemill;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void try_url(std::string_view text) {
    const Url base{.is_tls = true, .host = "example.org", .port = 443, .target = "/a/b?c"};
    for (const Result<Url>& url : {parse_url(text, "fuzz"), resolve_url(base, text, "fuzz")}) {
        if (!url) {
            require(url.error().code == ErrorCode::argument && !url.error().text().empty());
            continue;
        }
        require(!url.value().host.empty() && url.value().target.starts_with('/'));
        const Result<Url> again = parse_url(url.value().text(), "fuzz");
        require(again.ok() && again.value() == url.value());
    }
}

struct Inflated {
    std::string octets;
    GunzipReader::Outcome outcome = GunzipReader::Outcome::used_up;
};

Inflated inflate_cut(Bytes octets, std::size_t cut) {
    GunzipReader reader;
    Inflated result;
    for (Bytes piece : {octets.substr(0, cut), octets.substr(cut)}) {
        do {
            const std::size_t before = result.octets.size();
            result.outcome = reader.step(piece, result.octets);
            require(result.octets.size() - before <= limits::inflate_step);
        } while (result.outcome == GunzipReader::Outcome::more);
        if (result.outcome != GunzipReader::Outcome::used_up) break;
    }
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Bytes octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] & 1) {
        try_url(octets);
        return 0;
    }
    const Inflated whole = inflate_cut(octets, octets.size());
    const Inflated cut = inflate_cut(octets, octets.empty() ? 0 : data[0] % octets.size());
    require(whole.outcome == cut.outcome);
    require(whole.outcome == GunzipReader::Outcome::too_dense || whole.octets == cut.octets);
    return 0;
}
