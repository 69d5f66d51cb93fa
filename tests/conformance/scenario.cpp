#include "scenario.h"

#include <algorithm>
#include <fstream>
#include <initializer_list>

namespace conformance {

// -- Grammar -----------------------------------------------------------------------------------------------------------

static Grammar operator+(Grammar base, const Grammar& more) {
    base.insert(more.begin(), more.end());
    return base;
}

static const Grammar actions = {
    {"listen", "NEW( backlog=COUNT)?( reuse_port=YES)?( max_connections=HIGH)?( tls=CONTEXT)?( protocol=PROTOCOL)?( at ENDPOINT)?"},
    {"connect", "NEW (E|at ENDPOINT)( connect_timeout=TIME)?( host=WORD)?( tls=CONTEXT)?( server_name=SERVER)?( protocol=PROTOCOL)?"},
    {"open_datagram", "NEW( at ENDPOINT)?( to TO)?"},
    {"write", "E VALUE( to TO)?"},
    {"join", "E TO"},
    {"set_multicast_ttl", "E COUNT"},
    {"close", "E"},
    {"abort", "E"},
    {"end_write", "E"},
    {"pause", "E"},
    {"resume", "E"},
    {"set_idle_timeout", "E TIME"},
    {"set_close_timeout", "E TIME"},
    {"set_output_limit", "E COUNT"},
    {"set_watermarks", "E LOW HIGH"},
    {"send_file", "E ENDPOINT( offset=LOW)?( length=COUNT)?"},
    {"proxy_to", "E TARGET( length=COUNT)?"},
    {"stop_proxy", "E"},
    {"become", "E NEW( VALUE)?( protocol=PROTOCOL)?"},
    {"write_line", "E VALUE"},
    {"write_message", "E VALUE"},
    {"write_block", "E VALUE"},
    {"write_content", "E TEXT VALUE"},
    {"write_object", "E TEXT"},
    {"set_text", "E COUNT"},
    {"set_content", "E COUNT"},
    {"respond", "E COUNT VALUE"},
    {"start_response", "E COUNT TEXT"},
    {"write_body", "E VALUE"},
    {"finish_response", "E"},
    {"collect", "E COUNT"},
    {"pause_request", "E"},
    {"compress", "E"},
    {"resume_request", "E"},
    {"finish_with_trailers", "E TEXT"},
    {"check_request", "E WORD TEXT"},
    {"respond_continue", "E"},
    {"upgrade_to", "E NEW TEXT"},
    {"start_events", "E"},
    {"send_event", "E TEXT( event=WORD)?( id=SERVER)?"},
    {"ping_events", "E"},
    {"static_files", "NEW ENDPOINT"},
    {"serve_file", "E TARGET"},
    {"http_hosts", "NEW"},
    {"add_site", "E WORD TEXT"},
    {"serve_site", "E TARGET"},
    {"access_log", "NEW ENDPOINT"},
    {"log_response", "E TARGET"},
    {"reopen", "E"},
    {"send_text", "E VALUE"},
    {"send_binary", "E VALUE"},
    {"ping", "E VALUE"},
    {"close_websocket", "E COUNT TEXT"},
    {"refuse_handshake", "E COUNT"},
    {"choose_subprotocol", "E WORD"},
    {"add_header", "E TEXT"},
    {"upgrade", "E NEW( protocol=PROTOCOL)?( with TEXT)?"},
    {"make_file", "ENDPOINT VALUE"},
    {"spawn", "NEW TEXT( kill_on_stop=WORD)?"},
    {"close_stdin", "E"},
    {"kill", "E WORD"},
    {"on_signal", "NEW WORD"},
    {"watch_process", "NEW E"},
    {"watch_file", "NEW ENDPOINT"},
    {"call_later", "NEW TIME"},
    {"call_every", "NEW TIME"},
    {"next_tick", "NEW"},
    {"post", "NEW"},
    {"deferred", "NEW"},
    {"follow", "NEW E"},
    {"succeed", "E TEXT"},
    {"fail", "E CODE"},
    {"set_timeout", "E TIME"},
    {"channel", "NEW"},
    {"subscribe", "NEW E"},
    {"publish", "E TEXT"},
    {"queue", "NEW"},
    {"push", "E TEXT"},
    {"pop", "NEW E"},
    {"defer", "NEW WORK TEXT"},
    {"resolve", "NEW ENDPOINT"},
    {"http_client", "NEW E( proxy=WORD)?( proxy_authorization=TEXT)?( cookies=TO)?( PROTOCOL)?"},
    {"fetch", "NEW E WORD TEXT( VALUE)?( expect=YES)?"},
    {"stream", "NEW E WORD TEXT"},
    {"cookie_jar", "NEW"},
    {"set_cookie", "E WORD TEXT"},
    {"clear", "E"},
    {"start_tls", "E CONTEXT( server_name=SERVER)?"},
    {"cancel", "E( YES)?"},
    {"stop", ""},
    {"drain", "TIME"},
    {"spin", "TIME"},
    {"run", "(raises TEXT)?"},
    {"turn", "(COUNT)?"},
    {"counted", "WORD COUNT"},
    {"check", "E WORD ENDPOINT"},
    {"fails", "CODE( ERRNO)? ACTION"}};
static const Grammar plain = actions + Grammar{{"advance", "TIME"}};
static const Grammar reactions = actions + Grammar{{"echo", ""}, {"raise", "TEXT"}, {"nothing", ""}};
static const Grammar all_steps = plain + Grammar{{"error_handler", "(OFF)?"},
                                                 {"drop", "E"},
                                                 {"gone", "E"},
                                                 {"logged", "ENDPOINT VALUE"},
                                                 {"when", "GROUP EVENT do ACTION"},
                                                 {"expect", "(NOTHING|E LINE)"},
                                                 {"then", "E LINE"},
                                                 {"ignore", "GROUP (EVENT|*)"}};
static const Grammar lines = {{"on_open", ""},
                              {"on_data", "(OCTETS|total COUNT( of OCTETS)?)"},
                              {"on_exit", "WORD"},
                              {"on_file", "WORD"},
                              {"on_drain", ""},
                              {"on_shutdown", ""},
                              {"on_proxy_end", "REASON"},
                              {"on_end", ""},
                              {"on_close", "REASON"},
                              {"on_error", "TEXT"},
                              {"on_tls", "TEXT"},
                              {"fired", ""},
                              {"on_datagram", "VALUE( from TO)?"},
                              {"on_lost", "REASON( of TO)?"},
                              {"on_success", "TEXT"},
                              {"on_failure", "REASON"},
                              {"cancelled", ""},
                              {"received", "TEXT"},
                              {"on_line", "VALUE"},
                              {"on_text", "VALUE"},
                              {"on_message", "VALUE"},
                              {"on_block", "VALUE"},
                              {"on_header", "VALUE"},
                              {"on_content", "VALUE"},
                              {"on_object", "TEXT"},
                              {"on_request", "VALUE"},
                              {"on_body", "VALUE"},
                              {"on_body_end", ""},
                              {"on_collected", "VALUE"},
                              {"on_response", "VALUE"},
                              {"on_interim", "VALUE"},
                              {"on_response_drain", ""},
                              {"on_refusal", "TEXT"},
                              {"on_handshake", "VALUE"},
                              {"on_binary", "VALUE"},
                              {"on_part", "VALUE"},
                              {"on_ping", "VALUE"},
                              {"on_pong", "VALUE"}};
static const Grammar heads = {{"format", "1"},
                              {"spec", "LINE"},
                              {"over", "TRANSPORT( TRANSPORT)?( TRANSPORT)?( TRANSPORT)?"},
                              {"clock", "(manual|system)"},
                              {"langs", "LANGUAGE( LANGUAGE)?( LANGUAGE)?( LANGUAGE)?"},
                              {"needs", "ipv6"},
                              {"limit", "NUMBER(.NUMBER)?"},
                              {"fails", "(NUMBER|end)"}};

static const std::string digits = "0123456789", small = "abcdefghijklmnopqrstuvwxyz", large = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

// Where the run of these characters ends that begins at `from`.
static std::size_t run(std::string_view text, const std::string& set, std::size_t from = 0) {
    return std::min(text.find_first_not_of(set, from), text.size());
}

static std::size_t length_of_name(std::string_view text) {
    return text.empty() || run(text, small) == 0 ? 0 : run(text, digits, run(text, small + "_"));
}

static std::size_t length_of_group(std::string_view text) {
    const std::size_t stem = length_of_name(text) == 0 ? 0 : run(text, small + "_");
    return stem > 0 && text.substr(stem).starts_with('*') ? stem + 1 : length_of_name(text);
}

static std::size_t length_of_number(std::string_view text, bool has_fraction) {
    const std::size_t sign = text.starts_with('-') ? 1 : 0, whole = run(text, digits, sign);
    if (whole == sign) return 0;
    if (!has_fraction || !text.substr(whole).starts_with('.')) return whole;
    const std::size_t all = run(text, digits, whole + 1);
    return all > whole + 1 ? all : whole;
}

static std::size_t length_of_text(std::string_view text) {
    if (!text.starts_with('"')) return 0;
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '"') return at + 1;
        if (text[at] == '\\') ++at;
    }
    return 0;
}

static std::size_t length_of_value(std::string_view text) {
    const std::size_t quoted = length_of_text(text);
    if (quoted == 0 || !text.substr(quoted).starts_with(" x ")) return quoted;
    const std::size_t all = run(text, digits, quoted + 3);
    return all > quoted + 3 ? all : quoted;
}

static std::size_t length_of_errno(std::string_view text) {
    const std::size_t length = text.starts_with('E') ? run(text, large + digits) : 0;
    return length > 1 ? length : 0;
}

static std::size_t length_of_reason(std::string_view text) {
    if (text.starts_with('*')) return 1;
    const std::size_t number = text.starts_with("os ") ? length_of_errno(text.substr(3)) : 0;
    return number > 0 ? 3 + number : run(text, small + "_");
}

static std::size_t length_of_one_of(std::initializer_list<std::string_view> all, std::string_view text) {
    const std::string_view first = text.substr(0, run(text, small + "_"));
    return std::find(all.begin(), all.end(), first) == all.end() ? 0 : first.size();
}

// How much of the text, from its beginning, is what the CAPITAL word stands for; 0 if that does not stand there.
static std::size_t length_of(const std::string& word, std::string_view text) {
    if ((word == "E" || word == "TARGET") && text.starts_with('@')) return 1;
    if (word == "E" || word == "TARGET" || word == "NEW") return length_of_name(text);
    if (word == "GROUP") return length_of_group(text);
    if (word == "COUNT" || word == "LOW" || word == "HIGH") return length_of_number(text, false);
    if (word == "TIME") return length_of_number(text, true);
    if (word == "NUMBER") return run(text, digits);
    if (word == "TEXT") return length_of_text(text);
    if (word == "OCTETS" && text.starts_with("\"\"")) return 0;
    if (word == "OCTETS" || word == "VALUE") return length_of_value(text);
    if ((word == "ENDPOINT" || word == "TO") && text.starts_with('"')) return length_of_text(text);
    if (word == "ENDPOINT" || word == "TO" || word == "WORD" || word == "SERVER") return std::min(text.find_first_of(" \t\""), text.size());
    if (word == "CONTEXT") return run(text, small);
    if (word == "PROTOCOL") return run(text, small + digits + "_,=/:.|");
    if (word == "CODE") return run(text, small + "_");
    if (word == "ERRNO") return length_of_errno(text);
    if (word == "REASON") return length_of_reason(text);
    if (word == "EVENT") return lines.contains(text.substr(0, run(text, small + "_"))) ? run(text, small + "_") : 0;
    if (word == "NOTHING") return text.starts_with("nothing yet") ? 11 : text.starts_with("nothing") ? 7 : 0;
    if (word == "OFF") return length_of_one_of({"off"}, text);
    if (word == "WORK") return length_of_one_of({"echo", "raise"}, text);
    if (word == "YES") return length_of_one_of({"true", "false"}, text);
    if (word == "TRANSPORT") return length_of_one_of({"tcp", "unix", "memory", "tls"}, text);
    if (word == "LANGUAGE") return length_of_one_of({"cpp", "python", "lua", "ruby"}, text);
    return text.size();  // LINE, ACTION
}

using Parts = std::vector<std::pair<std::string, std::string_view>>;  // word, and what stands for it

static bool matches(std::string_view shape, std::string_view text, Parts& parts);

// (one|another) or (one)?, and what follows it.
static bool matches_choice(std::string_view shape, std::string_view text, Parts& parts) {
    std::vector<std::size_t> bars{0};
    std::size_t end = 0;
    for (int depth = 0; end == 0 || depth > 0; ++end) {
        depth += shape[end] == '(' ? 1 : shape[end] == ')' ? -1 : 0;
        if ((shape[end] == '|' && depth == 1) || depth == 0) bars.push_back(end);
    }
    const bool is_optional = shape.substr(end).starts_with('?');
    const std::string_view rest = shape.substr(is_optional ? end + 1 : end);
    for (std::size_t i = 1; i < bars.size(); ++i) {
        const std::string_view choice = shape.substr(bars[i - 1] + 1, bars[i] - bars[i - 1] - 1);
        if (matches(std::string(choice) + std::string(rest), text, parts)) return true;
    }
    return is_optional && matches(rest, text, parts);
}

// The parts are valid as long as the text.
static bool matches(std::string_view shape, std::string_view text, Parts& parts) {
    if (shape.empty()) return text.empty();
    if (shape.front() == '(') return matches_choice(shape, text, parts);
    const std::size_t word = run(shape, large);
    if (word == 0) return text.starts_with(shape.front()) && matches(shape.substr(1), text.substr(1), parts);
    const std::size_t length = length_of(std::string(shape.substr(0, word)), text);
    if (length == 0) return false;
    parts.emplace_back(shape.substr(0, word), text.substr(0, length));
    if (matches(shape.substr(word), text.substr(length), parts)) return true;
    parts.pop_back();
    return false;
}

static char unescaped(std::string_view text, std::size_t& at) {
    static constexpr std::string_view letters = "rnt0\\\"", meant{"\r\n\t\0\\\"", 6};
    static const std::string hexadecimal = digits + "abcdefABCDEF";
    const char letter = text[at++];
    if (const std::size_t which = letters.find(letter); which != letters.npos) return meant[which];
    if (letter != 'x' || std::min(run(text, hexadecimal, at), at + 2) != at + 2) throw Malformed(std::string("no escape \\") + letter);
    at += 2;
    return static_cast<char>(std::stoi(std::string(text.substr(at - 2, 2)), nullptr, 16));
}

// What TEXT or VALUE means.
static std::string octets(std::string_view value) {
    const std::size_t end = length_of_text(value) - 1;
    std::string once, all;
    for (std::size_t at = 1; at < end;) {
        const char octet = value[at++];
        once += octet == '\\' ? unescaped(value, at) : octet;
    }
    if (end + 1 == value.size()) return once;
    for (auto times = std::stoll(std::string(value.substr(end + 4))); times > 0; --times) all += once;
    return all;
}

// -- Scenario ----------------------------------------------------------------------------------------------------------

static std::string_view strip(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\v\f");
    return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(" \t\r\v\f") + 1 - first);
}

// What stands before and after the first separator.
static std::pair<std::string_view, std::string_view> cut(std::string_view text, std::string_view separator) {
    const std::size_t at = text.find(separator);
    return at == text.npos ? std::pair{text, std::string_view{}} : std::pair{text.substr(0, at), text.substr(at + separator.size())};
}

static std::string replaced(std::string text, std::string_view what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size()) text.replace(at, what.size(), with);
    return text;
}

std::chrono::nanoseconds seconds(const std::string& number) {
    return std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(std::stod(number)));
}

std::string group_of(std::string_view name) {
    return std::string(name.substr(0, name.find_last_not_of(digits) + 1)) + "*";
}

std::string Scenario::head(const std::string& key, const std::string& otherwise) const {
    const auto found = head_.find(key);
    return found == head_.end() ? otherwise : found->second;
}

bool Scenario::is_for(const std::string& key, std::string_view word) const {
    return (" " + head(key, std::string(word)) + " ").find(" " + std::string(word) + " ") != std::string::npos;
}

bool Scenario::reacts(const std::string& name, const std::string& event) const {
    return whens_.contains({name, event}) || whens_.contains({group_of(name), event});
}

void Scenario::read() {
    std::ifstream file(path);
    std::string text;
    for (line_ = 1; std::getline(file, text); ++line_) read_line(strip(text));
    if (block_line_ != 0 || steps_.empty()) {
        line_ = std::max(block_line_, 1);
        throw Malformed(block_line_ != 0 ? "repeat without end" : "no steps");
    }
    check_names();
}

void Scenario::read_line(std::string_view text) {
    Parts parts;
    if (text.empty()) return;
    if (text.starts_with('#')) return read_head(text);
    if (!head_.contains("format") || !head_.contains("spec")) throw Malformed("format and spec come first");
    if (block_line_ == 0 && matches("repeat NUMBER", text, parts)) {
        block_line_ = line_;
        block_times_ = std::stoi(std::string(parts[0].second));
    } else if (block_line_ != 0 && text == "end") {
        write_out(line_, block_times_, std::exchange(block_, {}));
        block_line_ = 0;
    } else if (block_line_ != 0) {
        block_.emplace_back(line_, text);
    } else {
        add(text);
    }
}

void Scenario::read_head(std::string_view text) {
    const auto [key, value] = cut(text.substr(std::min<std::size_t>(2, text.size())), ": ");
    const auto shape = heads.find(key);
    if (shape == heads.end() || !steps_.empty()) return;
    Parts parts;
    if (!matches(shape->second, value, parts)) throw Malformed(std::string(key) + " cannot be " + std::string(value));
    head_[std::string(key)] = value;
}

void Scenario::write_out(int line, int times, const std::vector<std::pair<int, std::string>>& lines_of_block) {
    for (int n = 1; n <= times; ++n) {
        for (const auto& [inner_line, text] : lines_of_block) {
            line_ = inner_line;
            add(replaced(text, "{n}", std::to_string(n)));
        }
    }
    line_ = line;
}

void Scenario::add(std::string_view text) {
    group_.clear();
    steps_.push_back(parse(text, all_steps, true));
    const Step& step = steps_.back();
    if (step.verb == "when") whens_.insert({step["GROUP"], step["EVENT"]});
}

Step Scenario::parse(std::string_view text, const Grammar& grammar, bool is_making) {
    const auto [verb, rest] = cut(text, " ");
    const auto shape = grammar.find(verb);
    if (shape == grammar.end()) throw Malformed("no step " + std::string(verb) + " here");
    Parts parts;
    if (!matches(shape->second, rest, parts)) {
        throw Malformed(shape->first + " takes '" + shape->second + "', not '" + std::string(rest) + "'");
    }
    Step step{line_, shape->first, {}, {}};
    for (const auto& [word, part] : parts) take(step, word, part, is_making && verb != "fails");
    return step;
}

void Scenario::take(Step& step, const std::string& word, std::string_view part, bool is_making) {
    const std::string name(part);
    if (word == "NEW" && is_making) {
        if (made_once_.contains(name) || name == "reactor") throw Malformed(name + " is made twice");
        made_.insert(name);
        if (group_.empty()) made_once_.insert(name);
    } else if ((word == "E" || word == "TARGET") && name == "@") {
        if (group_.empty()) throw Malformed("@ outside a reaction");
    } else if (word == "E" || word == "TARGET" || word == "GROUP") {
        used_.emplace_back(line_, name);
        if (word == "GROUP") group_ = name;
    } else if (word == "ACTION") {
        step.inner.push_back(parse(part, group_.empty() ? plain : reactions, is_making));
    } else if (word == "LINE") {
        step.inner.push_back(parse(part, lines, is_making));
    } else if ((word == "ENDPOINT" || word == "TO") && part.starts_with('@')) {
        used_.emplace_back(line_, part.substr(1));
    }
    step.words[word] = part.starts_with('"') ? octets(part) : name;
}

void Scenario::check_names() {
    for (const auto& [line, name] : used_) {
        line_ = line;
        const std::string stem = name.substr(0, name.find_last_not_of(digits + "*") + 1);
        const bool is_made = made_.contains(name) || made_.contains(stem) || (name.ends_with('*') && made_.contains(stem + "1"));
        if (!is_made) throw Malformed("nothing makes " + name);
    }
}

}  // namespace conformance
