#include "tidemill/tls/digest.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>

namespace tidemill {

Result<std::string> sha1(Bytes octets) {
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    if (EVP_Digest(octets.data(), octets.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha1(), nullptr) != 1) {
        ERR_clear_error();
        return make_error(ErrorCode::tls, "digest", {}, "OpenSSL has no SHA-1");
    }
    digest.resize(size);
    return digest;
}

std::string base64(Bytes octets) {
    // In pieces whose text can be put together, as OpenSSL counts in int. It puts a zero behind each.
    constexpr std::size_t piece = 3 * 1024;
    std::string text;
    for (; !octets.empty(); octets.remove_prefix(std::min(piece, octets.size()))) {
        char encoded[piece / 3 * 4 + 1];
        const Bytes next = octets.substr(0, piece);
        const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded), reinterpret_cast<const unsigned char*>(next.data()),
                                         static_cast<int>(next.size()));
        text.append(encoded, static_cast<std::size_t>(size));
    }
    return text;
}

}  // namespace tidemill
