// Runs the conformance scenarios against the core in C++; README.md is the format.
//
// Four files, alike in every language but for trace: scenario (the parser), play (the handler class, the verbs), trace (the matcher),
// run (this: self-tests, choice of scenarios, the count).
#include <sys/resource.h>
#include <tidemill/tidemill.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "play.h"

namespace conformance {

namespace fs = std::filesystem;

static const fs::path here = TIDEMILL_CONFORMANCE_FOLDER;
static const std::vector<std::string> transports = {"tcp", "unix", "memory", "tls"}, pollers = {"epoll", "poll"};
static constexpr std::string_view usage =
    "usage: run [--poller epoll|poll]... [--over tcp|unix|memory|tls]... [--list] [--syntax-only] [PATH...]";

struct Options {
    std::vector<std::string> over, with;
    bool is_list = false, is_syntax_only = false;
    std::vector<fs::path> files;
};

[[noreturn]] static void give_up(std::string_view text) {
    std::cerr << text << std::endl;
    std::exit(2);
}

// The scenarios in a folder, or the one that the path is.
static std::vector<fs::path> files_in(const fs::path& path) {
    if (!fs::exists(path)) give_up("no scenario " + path.string());
    if (!fs::is_directory(path)) return {path};
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
        if (entry.path().extension() == ".tide") all.push_back(entry.path());
    }
    std::sort(all.begin(), all.end());
    return all;
}

static std::string choice(const std::vector<std::string>& all, const char* word) {
    if (word == nullptr || std::find(all.begin(), all.end(), word) == all.end()) give_up(usage);
    return word;
}

static Options options_from(char** words) {
    Options options;
    std::vector<fs::path> paths;
    while (*++words != nullptr) {
        const std::string word = *words;
        if (word == "--over") {
            options.over.push_back(choice(transports, *++words));
        } else if (word == "--poller") {
            options.with.push_back(choice(pollers, *++words));
        } else if (word == "--list" || word == "--syntax-only") {
            (word == "--list" ? options.is_list : options.is_syntax_only) = true;
        } else if (word.starts_with("-")) {
            give_up(usage);
        } else {
            paths.push_back(fs::exists(word) ? fs::canonical(word) : here / "scenarios" / word);
        }
    }
    if (options.over.empty()) options.over = transports;
    if (options.with.empty()) options.with = pollers;
    if (paths.empty()) paths.push_back(here / "scenarios");
    for (const fs::path& path : paths) {
        for (const fs::path& file : files_in(path)) options.files.push_back(file);
    }
    return options;
}

// Nothing, or where and why the file is malformed.
static std::optional<Trouble> read(Scenario& scenario) {
    try {
        scenario.read();
        return {};
    } catch (const Malformed& error) {
        return Trouble{std::to_string(scenario.line()), error.what()};
    }
}

// A line for every self-test that went otherwise than it should.
static std::string self_test(const std::string& poller, const std::string& folder, bool is_syntax_only) {
    std::string wrong;
    for (const fs::path& path : files_in(here / "selftest")) {
        const std::string kind = path.parent_path().filename();
        Scenario scenario(path);
        std::optional<Trouble> trouble = read(scenario);
        const bool is_refused = trouble.has_value();
        if (!is_refused && !is_syntax_only) trouble = play(scenario, "memory", poller, folder);
        const bool is_trouble_due = kind == "invalid" || (kind == "fail" && !is_syntax_only);
        const std::string due = is_trouble_due ? scenario.head("fails", "a line") : "none", seen = trouble ? trouble->line : "none";
        if (is_refused == (kind == "invalid") && seen == due) continue;
        wrong += path.string() + ": trouble expected at " + due + ", seen " + seen + (trouble ? " " + trouble->text : "") + "\n";
    }
    return wrong;
}

static bool is_skipped(const Scenario& scenario) {
    if (!scenario.is_for("langs", "cpp")) return true;
    tidemill::Reactor reactor;
    return scenario.head("needs", "") == "ipv6" && !tidemill::listen<tidemill::Handler>(reactor, "tcp://[::1]:0").ok();
}

static std::set<std::string> known_failures() {
    std::set<std::string> known;
    std::ifstream file(here / "known" / "cpp.txt");
    for (std::string line; std::getline(file, line);) {
        line.resize(std::min(line.find('#'), line.size()));
        known.insert(line.substr(0, line.find_last_not_of(' ') + 1));
    }
    return known;
}

class Suite {
public:
    Suite(const Options& options, const std::string& folder) : options_(options), folder_(folder) {}

    // Whether all is well.
    bool run() {
        if (const std::string wrong = self_test(options_.with[0], folder_, options_.is_syntax_only); !wrong.empty()) {
            std::cerr << wrong;
            return false;
        }
        for (const fs::path& path : options_.files) run_file(path);
        if (!options_.is_list) std::cout << passed_ << " passed, " << failed_ << " failed, " << skipped_ << " skipped" << std::endl;
        return failed_ == 0;
    }

private:
    void run_file(const fs::path& path) {
        const std::string inside = fs::relative(path, here / "scenarios"), name = inside.starts_with("..") ? path.string() : inside;
        Scenario scenario(path);
        if (const auto trouble = read(scenario)) return fail(path.string() + ":" + trouble->line + " malformed: " + trouble->text);
        if (options_.is_list) std::cout << name << std::endl;
        if (options_.is_list || options_.is_syntax_only) return void(++passed_);
        if (is_skipped(scenario)) return void(++skipped_);
        for (const std::string& transport : options_.over) {
            if (!scenario.is_for("over", transport)) continue;
            for (const std::string& poller : options_.with) run_one(scenario, name, transport, poller);
        }
    }

    void run_one(const Scenario& scenario, const std::string& name, const std::string& transport, const std::string& poller) {
        const auto trouble = play(scenario, transport, poller, folder_);
        const std::string run = name + " " + transport + " " + poller;
        const bool is_known = known_.contains(run);
        if (is_known && !trouble) return fail(run + " passes: take it off known/cpp.txt");
        if (is_known) return void(++skipped_);
        if (!trouble) return void(++passed_);
        fail(scenario.path.string() + ":" + trouble->line + " over " + transport + " with " + poller + ": " + trouble->text);
    }

    void fail(const std::string& text) {
        ++failed_;
        std::cout << text << std::endl;
    }

    const Options& options_;
    const std::string folder_;
    const std::set<std::string> known_ = known_failures();
    int passed_ = 0, failed_ = 0, skipped_ = 0;
};

static void raise_descriptor_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace conformance

int main(int, char** words) {
    using namespace conformance;
    const Options options = options_from(words);
    raise_descriptor_limit();
    std::string folder = fs::temp_directory_path() / "tide-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) give_up("no scratch folder " + folder);
    const std::string make_certificates =
        "sh '" + (here.parent_path() / "support/certificates.sh").string() + "' " + folder + "/certificates";
    if (std::system(make_certificates.c_str()) != 0) give_up("no certificates; is there an openssl command?");
    const bool is_well = Suite(options, folder).run();
    fs::remove_all(folder);
    return is_well ? 0 : 1;
}
