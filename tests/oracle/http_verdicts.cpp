// Reads streams from stdin and prints what tidemill and llhttp make of each, a line of JSON with both; for http_differential.py.
//
// A stream: a letter, q (requests), s (the response to a GET) or h (to a HEAD), four octets of length, the highest first, and the octets.
#include <cstdint>
#include <iostream>
#include <iterator>
#include <string>

#include "verdict.h"

using namespace tidemill::test;

static std::string hex(std::string_view octets) {
    std::string text = "\"";
    for (const char c : octets) {
        const auto octet = static_cast<unsigned char>(c);
        text += "0123456789abcdef"[octet >> 4];
        text += "0123456789abcdef"[octet & 15];
    }
    return text + "\"";
}

static void print(const Verdict& verdict) {
    std::cout << "{\"state\":\"" << verdict.state << "\",\"detail\":" << hex(verdict.detail) << ",\"messages\":[";
    const char* separator = "";
    for (const Message& message : verdict.messages) {
        std::cout << separator << "[" << hex(message.first) << "," << hex(message.target) << ",[";
        separator = "";
        for (const auto& [name, value] : message.fields) {
            std::cout << separator << "[" << hex(name) << "," << hex(value) << "]";
            separator = ",";
        }
        std::cout << "]," << hex(message.body) << "]";
        separator = ",";
    }
    std::cout << "]}";
}

int main() {
    std::ios::sync_with_stdio(false);
    const std::string all(std::istreambuf_iterator<char>(std::cin), {});
    for (std::size_t place = 0; place + 5 <= all.size();) {
        const char kind = all[place];
        std::uint32_t size = 0;
        for (int i = 1; i <= 4; ++i) size = size << 8 | static_cast<unsigned char>(all[place + static_cast<std::size_t>(i)]);
        const std::string_view octets = std::string_view(all).substr(place + 5, size);
        place += 5 + size;
        std::cout << "[";
        print(ask_tidemill(kind, octets));
        std::cout << ",";
        print(ask_llhttp(kind, octets));
        std::cout << "]\n";
    }
    return 0;
}
