// HttpPlan: a head that is to be written, first checked, then put into the output. Internal to the HTTP engine.
#pragma once
#include <cstdint>
#include <string>

#include "tidemill/base/error.h"
#include "tidemill/proto/http_message.h"
#include "tidemill/proto/http_syntax.h"

namespace tidemill {

struct HttpPlan {
    // What stands among the user's fields.
    http::ConnectionOptions connection;
    std::uint64_t given_length = 0;
    bool has_given_length = false;
    bool is_given_chunked = false;
    bool has_upgrade = false;
    bool has_te = false;
    bool is_continue_expected = false;
    int hosts = 0;
    Bytes host;

    // What comes of it.
    HttpFraming framing;  // of the body that is written
    bool is_discarded = false;  // there is none, but the user may write it all the same
    bool writes_length = false;
    bool writes_chunked = false;
    bool is_last = false;
    bool says_keep_alive = false;
    std::uint64_t length = 0;

    // The user's fields: nothing in them that would be read as something else, and no contradiction among them.
    Result<void> take(HttpFields fields);

    // That the fields and the framing say the same.
    Result<void> compare(HttpFraming given, bool is_length_free) const;

    // All fields and the empty line, each of the engine's once.
    void put(HttpFields fields, Bytes date, std::string& output) const;
};

inline Error http_misuse(std::string_view detail) {
    return make_error(ErrorCode::local_protocol, "write", {}, detail);
}

// Trailers are as other fields, but none of those that the engine obeys.
Result<void> check_trailers(HttpFields trailers);

void put_field(HttpField field, std::string& output);
void put_number(std::uint64_t number, std::string& output);

}  // namespace tidemill
