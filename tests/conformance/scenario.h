// Scenario: a file of the conformance suite, read and held against the grammar of format 1 (README.md). It knows nothing of the library.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace conformance {

// The file is no scenario of format 1.
struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// By verb, the shape of what follows it; each CAPITAL word stands for what length_of() in scenario.cpp says.
using Grammar = std::map<std::string, std::string, std::less<>>;

// A step, an action or an expected line.
struct Step {
    int line = 0;
    std::string verb;
    std::map<std::string, std::string> words;  // by CAPITAL word, what stood for it; quoted text without quotes and escapes
    std::vector<Step> inner;                   // the ACTION or the LINE: one or none

    bool has(const std::string& word) const { return words.count(word) != 0; }
    const std::string& operator[](const std::string& word) const { return words.at(word); }
    std::int64_t count(const std::string& word) const { return std::stoll(words.at(word)); }
};

// What a TIME means.
std::chrono::nanoseconds seconds(const std::string& number);

// "s*" for "s12".
std::string group_of(std::string_view name);

class Scenario {
public:
    explicit Scenario(std::filesystem::path file) : path(std::move(file)) {}

    // Throws Malformed; line() says where.
    void read();

    int line() const { return line_; }

    std::string head(const std::string& key, const std::string& otherwise) const;
    // Whether one of the key's words is this one, or the key is not there.
    bool is_for(const std::string& key, std::string_view word) const;
    const std::vector<Step>& steps() const { return steps_; }
    // Whether a `when` anywhere in the file names the event.
    bool reacts(const std::string& name, const std::string& event) const;

    const std::filesystem::path path;

private:
    void read_line(std::string_view text);
    void read_head(std::string_view text);
    void write_out(int line, int times, const std::vector<std::pair<int, std::string>>& lines);
    void add(std::string_view text);
    Step parse(std::string_view text, const Grammar& grammar, bool is_making);
    void take(Step& step, const std::string& word, std::string_view part, bool is_making);
    void check_names();

    int line_ = 1;
    std::map<std::string, std::string> head_;
    std::vector<Step> steps_;
    std::set<std::pair<std::string, std::string>> whens_;    // name and event
    std::set<std::string> made_{"reactor"}, made_once_;      // names: by any step, by a step outside reactions
    std::vector<std::pair<int, std::string>> used_;          // line and name
    std::string group_;                                      // in a when: whom "@" stands for
    std::vector<std::pair<int, std::string>> block_;         // the lines of a repeat
    int block_line_ = 0, block_times_ = 0;                   // line 0: not in one
};

}  // namespace conformance
