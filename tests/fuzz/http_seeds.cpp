// Writes what the tests of the HTTP engine feed it, one file a message, as seeds for http_fuzz: http_seeds FOLDER
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "support/http_cases.h"

using namespace tidemill::test;

int main(int count, char** words) {
    if (count != 2) {
        std::cerr << "usage: http_seeds FOLDER\n";
        return 2;
    }
    const std::filesystem::path folder = words[1];
    std::filesystem::create_directories(folder);
    int number = 0;
    // kind: as http_fuzz takes it.
    const auto write = [&](char kind, std::string_view octets) {
        std::ofstream file(folder / std::to_string(number++), std::ios::binary);
        file << kind << '\x80' << octets;
    };
    const auto kind_of = [](std::string_view method) -> char {
        return method == "HEAD" ? 1 : method == "CONNECT" ? 2 : method == "UPGRADE" ? 3 : 0;
    };
    for (const HttpGood& good : http_good_requests) write(7, good.input);
    for (const HttpBad& bad : http_bad_requests) write(7, bad.input);
    for (const HttpGoodResponse& good : http_good_responses) write(kind_of(good.method), good.input);
    for (const HttpBad& bad : http_bad_responses) write(0, bad.input);
    // Conversations: method, target, fields, host, trailers, body and so on, as Choices reads them.
    const char zeros[24] = {};
    for (char method = 0; method < 5; ++method) {
        for (char framing = 0; framing < 5; ++framing) {
            write(4, std::string{method, static_cast<char>(method == 3 ? 1 : 0), 1, 0, 0, 1, 5} + "hello" + framing +
                         std::string(zeros, 4) + "\5world" + "\1" + framing);
        }
    }
    std::cout << number << " seeds\n";
    return 0;
}
