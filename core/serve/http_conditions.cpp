#include "tidemill/serve/http_conditions.h"

#include <algorithm>
#include <charconv>

#include "tidemill/serve/http_date.h"

namespace tidemill {
namespace {

Bytes trim(Bytes text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool is_same_word(Bytes one, Bytes other) {
    const auto lower = [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter; };
    return std::ranges::equal(one, other, {}, lower, lower);
}

// Takes the next element of a list (RFC 9110 5.6.1); empty at its end. Quotation marks are not looked at: in lists of entity tags a comma
// within one splits it into parts that equal nothing of ours.
Bytes next_element(Bytes& list) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        const Bytes element = trim(list.substr(0, comma));
        list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
        if (!element.empty()) return element;
    }
    return {};
}

bool has_tag(Bytes list, Bytes etag, bool is_weak_enough) {
    if (trim(list) == "*") return true;
    for (Bytes tag = next_element(list); !tag.empty(); tag = next_element(list)) {
        if (is_weak_enough && tag.starts_with("W/")) tag.remove_prefix(2);
        if (tag == etag) return true;
    }
    return false;
}

bool read_number(Bytes text, std::uint64_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) number = ~std::uint64_t{0};
    return !text.empty() && text.front() != '+' && text.front() != '-' && error != std::errc::invalid_argument &&
           end == text.data() + text.size();
}

// The weight of an element such as "gzip;q=0.5" in thousandths; -1 if it is none.
int weight_of(Bytes parameters) {
    parameters = trim(parameters);
    if (parameters.empty()) return 1000;
    if (parameters.size() < 3 || !is_same_word(parameters.substr(0, 2), "q=")) return -1;
    const Bytes digits = parameters.substr(2);
    if (digits.size() > 5 || (digits[0] != '0' && digits[0] != '1') || (digits.size() > 1 && digits[1] != '.')) return -1;
    int weight = digits[0] == '1' ? 1000 : 0;
    for (std::size_t i = 2, value = 100; i < digits.size(); ++i, value /= 10) {
        if (digits[i] < '0' || digits[i] > '9') return -1;
        weight += static_cast<int>(value) * (digits[i] - '0');
    }
    return weight > 1000 ? -1 : weight;
}

}  // namespace

int evaluate_conditions(HttpFields fields, Bytes method, const HttpVersionOf& version) {
    if (const HttpField* match = find_field(fields, "if-match")) {
        if (!has_tag(match->value, version.etag, false)) return 412;
    } else if (const HttpField* since = find_field(fields, "if-unmodified-since")) {
        const std::time_t time = parse_http_date(since->value);
        if (time >= 0 && version.modified > time) return 412;
    }
    const bool is_reading = method == "GET" || method == "HEAD";
    if (const HttpField* none = find_field(fields, "if-none-match")) {
        if (has_tag(none->value, version.etag, true)) return is_reading ? 304 : 412;
    } else if (const HttpField* since = find_field(fields, "if-modified-since"); since != nullptr && is_reading) {
        const std::time_t time = parse_http_date(since->value);
        if (time >= 0 && version.modified <= time) return 304;
    }
    return 200;
}

std::optional<HttpRange> requested_range(HttpFields fields, Bytes method, const HttpVersionOf& version, std::uint64_t size) {
    const HttpField* range = find_field(fields, "range");
    if (range == nullptr || method != "GET" || range->value.size() < 6 || !is_same_word(range->value.substr(0, 6), "bytes=")) return {};
    if (const HttpField* unless = find_field(fields, "if-range")) {
        const bool is_same =
            unless->value.starts_with('"') ? unless->value == version.etag : parse_http_date(unless->value) == version.modified;
        if (!is_same) return {};
    }
    const Bytes set = trim(range->value.substr(6));
    const std::size_t dash = set.find('-');
    if (dash == set.npos || set.find(',') != set.npos) return {};
    const Bytes begin = trim(set.substr(0, dash)), end = trim(set.substr(dash + 1));
    std::uint64_t first = 0, last = size;
    if (begin.empty()) {
        std::uint64_t count = 0;
        if (!read_number(end, count)) return {};
        count = std::min(count, size);
        return HttpRange{size - count, count};
    }
    if (!read_number(begin, first) || (!end.empty() && (!read_number(end, last) || last < first))) return {};
    if (first >= size) return HttpRange{size, 0};
    return HttpRange{first, std::min(last, size - 1) - first + 1};
}

bool is_coding_accepted(HttpFields fields, Bytes coding) {
    int named = -1, any = -1;
    for (const HttpField& field : fields) {
        if (!is_same_word(field.name, "accept-encoding")) continue;
        Bytes list = field.value;
        for (Bytes element = next_element(list); !element.empty(); element = next_element(list)) {
            const std::size_t semicolon = element.find(';');
            const Bytes name = trim(element.substr(0, semicolon));
            const int weight = semicolon == element.npos ? 1000 : weight_of(element.substr(semicolon + 1));
            if (is_same_word(name, coding)) named = weight;
            if (name == "*") any = weight;
        }
    }
    return named >= 0 ? named > 0 : any > 0;
}

}  // namespace tidemill
