// HttpRequest: answers that go as gzip (RFC 9110 8.4 and 12.5.3).
#include "tidemill/serve/http_conditions.h"
#include "tidemill/serve/http_connection.h"
#include "tidemill/serve/http_rare.h"

namespace tidemill {

void HttpRequest::compress() {
    is_compress_asked_ = true;
}

// Whether the answer goes as gzip; with: its fields then, which hold no length, as that is another now.
bool HttpRequest::begin_gzip(int status, HttpFields fields, std::vector<HttpField>& with) {
    const bool is_partial = status == 206;
    if (is_partial || find_field(fields, "content-encoding") != nullptr || !is_coding_accepted(head_.fields, "gzip")) return false;
    for (const HttpField& field : fields) {
        if (find_field({&field, 1}, "content-length") == nullptr) with.push_back(field);
    }
    with.push_back({"content-encoding", "gzip"});
    with.push_back({"vary", "accept-encoding"});
    rare().gzip = std::make_unique<GzipWriter>();
    return true;
}

WriteResult HttpRequest::write_gzip(Bytes data) {
    std::string compressed;
    rare_->gzip->add(data, compressed, true);
    return write_piece(compressed);
}

WriteResult HttpRequest::finish_gzip() {
    std::string compressed;
    rare_->gzip->finish(compressed);
    rare_->gzip.reset();
    return write_piece(compressed);
}

}  // namespace tidemill
