// How fields of HTTP cross the border: one text, a line for each name and one for each value, with their count of fields, which shows a line
// feed that was in one of them.
#pragma once
#include <string>
#include <vector>

#include "bindings/facade.h"
#include "tidemill/proto/http_message.h"

namespace tidemill::script {

// In memory that serves the next call.
inline Bytes as_text(HttpFields fields) {
    thread_local std::string text;
    text.clear();
    for (const HttpField& field : fields) text.append(field.name).append("\n").append(field.value).append("\n");
    if (!text.empty()) text.pop_back();
    return text;
}

// The parts of such a text, for as long as the text. Throws local_protocol.
class Fields {
public:
    Fields(Bytes text, int count, std::string_view operation = "respond") {
        for (int i = 0; i < count; ++i) {
            const Bytes name = next(text);
            fields_.push_back({name, next(text)});
        }
        if (has_failed_ || !is_at_end_) {
            if (count > 0 || !text.empty())
                throw Failure{make_error(ErrorCode::local_protocol, operation, {}, "a field with a line feed in it")};
        }
    }
    HttpFields get() const { return fields_; }

private:
    Bytes next(Bytes& text) {
        has_failed_ = has_failed_ || is_at_end_;
        const std::size_t end = text.find('\n');
        const Bytes part = text.substr(0, end);
        is_at_end_ = end == text.npos;
        text.remove_prefix(is_at_end_ ? text.size() : end + 1);
        return part;
    }

    std::vector<HttpField> fields_;
    bool is_at_end_ = false;
    bool has_failed_ = false;
};

}  // namespace tidemill::script
