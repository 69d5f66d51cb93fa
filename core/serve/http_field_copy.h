// HttpFieldCopy: fields and other texts that outlive what they were views of; its memory serves the next ones.
#pragma once
#include <string>
#include <vector>

#include "tidemill/proto/http_message.h"

namespace tidemill {

class HttpFieldCopy {
public:
    // The views of a head become views of this copy.
    void take(HttpHead& head) {
        begin(head.fields, head.method.size() + head.target.size());
        head.method = add(head.method);
        head.target = add(head.target);
        head.fields = add(head.fields);
    }

    void take(HttpFields fields) {
        begin(fields, 0);
        add(fields);
    }

    HttpFields fields() const { return fields_; }

private:
    // All of the text at once, so that no view moves.
    void begin(HttpFields fields, std::size_t octets) {
        for (const HttpField& field : fields) octets += field.name.size() + field.value.size();
        text_.clear();
        text_.reserve(octets);
        fields_.clear();
    }

    Bytes add(Bytes text) {
        const std::size_t place = text_.size();
        text_.append(text);
        return Bytes(text_).substr(place);
    }

    HttpFields add(HttpFields fields) {
        for (const HttpField& field : fields) {
            const Bytes name = add(field.name);
            fields_.push_back({name, add(field.value)});
        }
        return fields_;
    }

    std::string text_;
    std::vector<HttpField> fields_;
};

}  // namespace tidemill
