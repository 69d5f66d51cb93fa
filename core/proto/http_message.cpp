#include "tidemill/proto/http_message.h"

#include "tidemill/proto/http_syntax.h"

namespace tidemill {

const HttpField* find_field(HttpFields fields, Bytes name) {
    for (const HttpField& field : fields) {
        if (http::equals_in_any_case(field.name, name)) return &field;
    }
    return nullptr;
}

HttpFraming HttpFraming::of_fields(HttpFields fields, HttpFraming otherwise) {
    const HttpField* field = find_field(fields, "content-length");
    std::uint64_t length = 0;
    return field != nullptr && http::parse_length(http::trimmed(field->value), length) ? of_length(length) : otherwise;
}

}  // namespace tidemill
