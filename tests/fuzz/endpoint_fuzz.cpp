// libFuzzer: whatever text comes, parsing an endpoint gives an argument error or an endpoint whose text parses to the same.
#include <tidemill/base/endpoint.h>
#include <tidemill/sys/address.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tidemill;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Result<Endpoint> first = parse_endpoint(text, "fuzz");
    if (!first) {
        if (first.error().code != ErrorCode::argument || first.error().text().empty()) std::abort();
        return 0;
    }
    const Result<Endpoint> second = parse_endpoint(first.value().text(), "fuzz");
    if (!second || second.value().host != first.value().host || second.value().port != first.value().port) std::abort();
    Address address;
    if (first.value().scheme == Endpoint::Scheme::memory || !literal_address(first.value(), address)) return 0;
    if (address.is_unix() != first.value().is_unix()) std::abort();
    return 0;
}
