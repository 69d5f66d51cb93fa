// What a parser made of a stream: the words that http_differential.py compares.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tidemill::test {

struct Message {
    std::string first;  // method or status
    std::string target;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
};

struct Verdict {
    std::vector<Message> messages;  // the whole ones
    const char* state = "more";  // or "error", or "over": nothing may follow the last message
    std::string detail;
};

Verdict ask_tidemill(char kind, std::string_view octets);
Verdict ask_llhttp(char kind, std::string_view octets);

}  // namespace tidemill::test
