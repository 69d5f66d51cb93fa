#include "tidemill/serve/http_date.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace tidemill {
namespace {

constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool read_number(Bytes text, std::size_t place, std::size_t size, int& number) {
    const char* begin = text.data() + place;
    const auto [end, error] = std::from_chars(begin, begin + size, number);
    return error == std::errc{} && end == begin + size && number >= 0;
}

}  // namespace

std::string http_date(std::time_t time) {
    using namespace std::chrono;
    const sys_seconds point{seconds{time}};
    const sys_days day = floor<std::chrono::days>(point);
    const year_month_day date{day};
    const hh_mm_ss clock{point - day};
    std::array<char, 40> text{};
    const int size = std::snprintf(
        text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", tidemill::days[weekday{day}.c_encoding()],
        static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
        static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
    return {text.data(), static_cast<std::size_t>(size)};
}

std::time_t parse_http_date(Bytes text) {
    using namespace std::chrono;
    int day = 0, year = 0, hour = 0, minute = 0, second = 0;
    if (text.size() != 29 || !read_number(text, 5, 2, day) || !read_number(text, 12, 4, year) || !read_number(text, 17, 2, hour) ||
        !read_number(text, 20, 2, minute) || !read_number(text, 23, 2, second)) {
        return -1;
    }
    unsigned month = 0;
    while (month < months.size() && text.substr(8, 3) != months[month]) ++month;
    const year_month_day date{std::chrono::year{year}, std::chrono::month{month + 1}, std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok()) return -1;
    const auto time = static_cast<std::time_t>(sys_days{date}.time_since_epoch().count()) * 86400 + hour * 3600 + minute * 60 + second;
    return http_date(time) == text ? time : -1;  // which also says that the weekday, the blanks and the zone are right
}

void HttpDate::update() {
    const std::time_t second = std::time(nullptr);
    if (std::exchange(second_, second) != second) text_ = http_date(second);
}

}  // namespace tidemill
