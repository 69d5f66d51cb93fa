#include "tidemill/serve/static_files.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "tidemill/serve/http_conditions.h"
#include "tidemill/serve/http_date.h"

namespace tidemill {
namespace {

constexpr HttpField says_text{"content-type", "text/plain"};

int digit(char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
}

// Once only: what is encoded twice names a file with a percent sign. False: it is no encoding.
bool percent_decode(Bytes text, std::string& decoded) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
        const int low = high < 0 ? -1 : digit(text[i + 2]);
        if (low < 0) return false;
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return true;
}

// Whether every part of the path, which has no slash at its ends, may be asked for: none is empty, hidden or leads elsewhere.
bool is_public(Bytes path) {
    if (path.find('\0') != path.npos) return false;
    for (;;) {
        const std::size_t end = path.find('/');
        if (end == 0 || path.empty() || path.front() == '.') return false;
        if (end == path.npos) return true;
        path.remove_prefix(end + 1);
    }
}

void refuse(HttpRequest& request, int status, Bytes text) {
    request.respond(status, {says_text}, text);
}

void refuse(HttpRequest& request, const Error& error) {
    if (error.os == EACCES) return refuse(request, 403, "403 Forbidden\n");
    if (error.os == EMFILE || error.os == ENFILE || error.os == ENOMEM) return refuse(request, 503, "503 Service Unavailable\n");
    refuse(request, 404, "404 Not Found\n");
}

}  // namespace

Result<StaticFiles> StaticFiles::open(const std::string& folder, StaticFilesOptions options) {
    Result<Fd> opened = open_folder(folder);
    if (!opened) return opened.error();
    return StaticFiles(std::move(opened).value(), std::move(options));
}

void StaticFiles::serve(HttpRequest& request, Bytes path) const {
    if (request.method() != "GET" && request.method() != "HEAD") {
        request.respond(405, {says_text, {"allow", "GET, HEAD"}}, "405 Method Not Allowed\n");
        return;
    }
    std::string decoded;
    if (!path.starts_with('/') || !percent_decode(path.substr(1), decoded)) return refuse(request, 400, "400 Bad Request\n");
    const bool is_folder = decoded.empty() || decoded.ends_with('/');
    if (is_folder) decoded += options_.index;
    if (!is_public(decoded)) return refuse(request, 404, "404 Not Found\n");
    Result<File> file = open_beneath(folder_, decoded);
    if (file) return send(request, std::move(file).value(), decoded);
    if (file.error().os == EISDIR && !is_folder) return send_elsewhere(request, path);
    refuse(request, file.error());
}

// A folder without its slash: relative links on its page would be wrong. The path has no empty part, so it names no other host.
void StaticFiles::send_elsewhere(HttpRequest& request, Bytes path) const {
    std::string target = std::string(path) + "/";
    if (!request.query().empty()) target.append("?").append(request.query());
    request.respond(301, {says_text, {"location", target}}, "301 Moved Permanently\n");
}

void StaticFiles::send(HttpRequest& request, File file, const std::string& path) const {
    std::array<char, 64> tag{};
    const int tag_size = std::snprintf(tag.data(), tag.size(), "\"%llx-%llx.%x\"", static_cast<unsigned long long>(file.size),
                                       static_cast<unsigned long long>(file.modified), file.modified_nanoseconds);
    const HttpVersionOf version{Bytes(tag.data(), static_cast<std::size_t>(tag_size)), static_cast<std::time_t>(file.modified)};
    const std::string modified = http_date(version.modified);
    std::vector<HttpField> fields = {{"etag", version.etag}, {"last-modified", modified}};
    if (!options_.cache_control.empty()) fields.push_back({"cache-control", options_.cache_control});
    const int status = evaluate_conditions(request.fields(), request.method(), version);
    if (status != 200) {
        request.respond(status, fields);
        return;
    }
    const std::uint64_t size = file.size;
    const std::optional<HttpRange> range = requested_range(request.fields(), request.method(), version, size);
    const std::string all = std::to_string(size);
    std::string place;
    if (range && range->length == 0) {
        place = "bytes */" + all;
        fields.push_back({"content-range", place});
        request.respond(416, fields);
        return;
    }
    fields.push_back({"content-type", content_type_of(path)});
    fields.push_back({"accept-ranges", "bytes"});
    fields.push_back({"x-content-type-options", "nosniff"});
    if (range) {
        place = "bytes " + std::to_string(range->first) + "-" + std::to_string(range->first + range->length - 1) + "/" + all;
        fields.push_back({"content-range", place});
    }
    request.respond_file(range ? 206 : 200, fields, std::move(file), path, range ? range->first : 0, range ? range->length : size);
}

std::string_view content_type_of(std::string_view name) {
    struct Type {
        std::string_view ending, type;
    };
    static constexpr Type types[] = {
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"json", "application/json"},
        {"map", "application/json"},
        {"xml", "application/xml"},
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/markdown; charset=utf-8"},
        {"csv", "text/csv; charset=utf-8"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"avif", "image/avif"},
        {"ico", "image/vnd.microsoft.icon"},
        {"woff", "font/woff"},
        {"woff2", "font/woff2"},
        {"ttf", "font/ttf"},
        {"otf", "font/otf"},
        {"wasm", "application/wasm"},
        {"pdf", "application/pdf"},
        {"zip", "application/zip"},
        {"gz", "application/gzip"},
        {"mp3", "audio/mpeg"},
        {"ogg", "audio/ogg"},
        {"wav", "audio/wav"},
        {"mp4", "video/mp4"},
        {"webm", "video/webm"},
    };
    std::string ending(name.substr(std::min(name.size(), name.rfind('.') + 1)));
    for (char& letter : ending) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter | 0x20);
    }
    for (const Type& type : types) {
        if (type.ending == ending) return type.type;
    }
    return "application/octet-stream";
}

}  // namespace tidemill
