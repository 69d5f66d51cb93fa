#include "tidemill/proto/http_set_cookie.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "tidemill/base/limits.h"
#include "tidemill/proto/http_syntax.h"

namespace tidemill {
namespace {

using http::equals_in_any_case, http::is_digit, http::trimmed;

// The text before the mark, which goes with it; all of it where there is no mark.
Bytes take_until(Bytes& text, char mark) {
    const std::size_t end = std::min(text.find(mark), text.size());
    const Bytes part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

// ---- dates ----

// As 5.1.1 has them: from %x09, %x20-2F, %x3B-40, %x5B-60, %x7B-7E.
bool is_date_delimiter(char octet) {
    const auto c = static_cast<unsigned char>(octet);
    return c == 0x09 || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) || (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

// So many digits at the beginning, which go; nothing if there are fewer than least or more than most.
std::optional<int> take_digits(Bytes& token, std::size_t least, std::size_t most) {
    std::size_t count = 0;
    int number = 0;
    for (; count < token.size() && is_digit(token[count]); ++count) {
        if (count == most) return {};
        number = number * 10 + (token[count] - '0');
    }
    if (count < least) return {};
    token.remove_prefix(count);
    return number;
}

struct Date {
    std::optional<std::chrono::seconds> time;
    std::optional<int> day, month, year;

    // 1*2DIGIT ":" 1*2DIGIT ":" 1*2DIGIT, with anything behind it.
    bool take_time(Bytes token) {
        std::array<int, 3> parts{};
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (i > 0 && (token.empty() || token[0] != ':')) return false;
            if (i > 0) token.remove_prefix(1);
            const std::optional<int> part = take_digits(token, 1, 2);
            if (!part) return false;
            parts[i] = *part;
        }
        const bool is_there = parts[0] <= 23 && parts[1] <= 59 && parts[2] <= 59;
        time = is_there ? std::chrono::seconds{parts[0] * 3600 + parts[1] * 60 + parts[2]} : std::chrono::seconds{-1};
        return true;
    }

    bool take_month(Bytes token) {
        static constexpr std::array<Bytes, 12> names = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (equals_in_any_case(token.substr(0, 3), names[i])) month = static_cast<int>(i) + 1;
        }
        return month.has_value();
    }

    void take(Bytes token) {
        if (!time && take_time(token)) return;
        Bytes rest = token;
        if (!day && (day = take_digits(rest, 1, 2))) return;
        if (!month && take_month(token)) return;
        rest = token;
        if (!year) year = take_digits(rest, 2, 4);
    }
};

// ---- Max-Age ----

// Digits, perhaps behind a minus; how long from now, at most as long as any cookie is kept.
std::optional<std::chrono::seconds> parse_max_age(Bytes text) {
    const bool is_negative = text.starts_with('-');
    const Bytes digits = text.substr(is_negative ? 1 : 0);
    if (text.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return {};
    std::chrono::seconds age{0};
    for (const char digit : digits)
        age = std::min<std::chrono::seconds>(age * 10 + std::chrono::seconds{digit - '0'}, limits::cookie_keeps);
    return is_negative ? std::chrono::seconds{0} : age;
}

bool has_control(Bytes text) {
    return std::any_of(text.begin(), text.end(), [](char octet) {
        const auto c = static_cast<unsigned char>(octet);
        return (c < 0x20 && c != '\t') || c == 0x7f;
    });
}

}  // namespace

std::optional<std::time_t> parse_cookie_date(Bytes text) {
    Date date;
    while (!text.empty()) {
        const auto end = std::find_if(text.begin(), text.end(), is_date_delimiter);
        const auto size = static_cast<std::size_t>(end - text.begin());
        if (size > 0) date.take(text.substr(0, size));
        text.remove_prefix(std::min(size + 1, text.size()));
    }
    if (!date.time || !date.day || !date.month || !date.year || date.time->count() < 0) return {};
    int year = *date.year;
    if (year < 100) year += year < 70 ? 2000 : 1900;
    using namespace std::chrono;
    const year_month_day calendar{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(*date.month)},
                                  std::chrono::day{static_cast<unsigned>(*date.day)}};
    if (year < 1601 || !calendar.ok()) return {};
    return static_cast<std::time_t>((sys_days{calendar}.time_since_epoch() + *date.time).count());
}

std::optional<SetCookie> parse_set_cookie(Bytes field, std::time_t now) {
    if (has_control(field)) return {};
    Bytes pair = take_until(field, ';');
    if (pair.find('=') == Bytes::npos) return {};
    SetCookie cookie;
    cookie.name = trimmed(take_until(pair, '='));
    cookie.value = trimmed(pair);
    if (cookie.name.empty()) return {};
    const std::time_t latest = now + std::chrono::seconds{limits::cookie_keeps}.count();
    std::optional<std::time_t> max_age;
    while (!field.empty()) {
        Bytes value = take_until(field, ';');
        const Bytes name = trimmed(take_until(value, '='));
        value = trimmed(value);
        if (value.size() > limits::cookie_attribute) continue;
        if (equals_in_any_case(name, "expires")) {
            if (const auto date = parse_cookie_date(value)) cookie.expires = std::min(*date, latest);
        } else if (equals_in_any_case(name, "max-age")) {
            if (const auto age = parse_max_age(value)) max_age = age->count() == 0 ? std::time_t{0} : now + age->count();
        } else if (equals_in_any_case(name, "domain")) {
            cookie.domain = value.substr(value.starts_with('.') ? 1 : 0);
        } else if (equals_in_any_case(name, "path")) {
            cookie.path = value.starts_with('/') ? value : Bytes{};
        } else if (equals_in_any_case(name, "secure")) {
            cookie.is_secure = true;
        } else if (equals_in_any_case(name, "httponly")) {
            cookie.is_http_only = true;
        }
    }
    if (max_age) cookie.expires = max_age;
    return cookie;
}

}  // namespace tidemill
