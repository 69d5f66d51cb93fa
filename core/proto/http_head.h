// HttpHeadParser: a start line and a header section, or a trailer section, line by line where they lie (RFC 9112 2 to 5). Internal to the
// HTTP engine.
//
// The octets are given again from the head's first one as long as it is incomplete, but no line is read again once it was whole. What it
// answers depends on nothing but the octets, not on how they arrived: of several faults the first one counts, and a limit is a fault at
// the octet that is too much.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tidemill/proto/http_limits.h"
#include "tidemill/proto/http_message.h"
#include "tidemill/proto/http_syntax.h"

namespace tidemill {

struct HttpFault {
    int status = 400;  // what a server answers
    const char* detail = nullptr;
    HttpLimit limit = HttpLimit::none;
};

class HttpHeadParser {
public:
    enum class Outcome : std::uint8_t { incomplete, complete, failed };

    // What the fields say about the message, as far as it is the engine's business.
    struct Facts {
        http::ConnectionOptions connection;
        std::uint64_t length = 0;
        bool has_length = false;
        bool is_chunked = false;
        bool has_host = false;
        bool has_upgrade = false;
        bool is_continue_expected = false;
    };

    explicit HttpHeadParser(HttpRole role) : role_(role) {}

    // Before the first octet of a head, or of trailers.
    void begin_head();
    void begin_trailers();

    Outcome parse(Bytes octets, const HttpLimits& limits);

    // ---- After complete. The views are of the octets that were given last.

    std::size_t size() const { return position_; }
    const Facts& facts() const { return facts_; }
    HttpFields fields() const { return fields_; }
    Bytes method() const { return view(method_); }
    Bytes target() const { return view(target_); }
    int status() const { return status_; }
    Bytes reason() const { return view(target_); }
    int minor_version() const { return minor_version_; }

    // ---- After failed

    const HttpFault& fault() const { return fault_; }

private:
    enum class Part : std::uint8_t { request_line, status_line, fields, trailers };

    // Within the octets: these move while a head is incomplete, so no view would last.
    struct Place {
        std::uint32_t begin = 0;
        std::uint32_t size = 0;
    };
    struct FieldPlace {
        Place name, value;
    };

    Place place(const char* begin, const char* end) const;
    Bytes view(Place place) const { return {octets_ + place.begin, place.size}; }

    Outcome parse_start_line(const char* end, const HttpLimits& limits);
    Outcome parse_request_line(const char* line, const char* end);
    Outcome parse_status_line(const char* line, const char* end);
    Outcome parse_version(const char* octet, const char* end, const char* what_follows, std::size_t size);
    Outcome parse_fields(const char* end, const HttpLimits& limits);
    Outcome parse_field(const char*& octet, const char* end);
    Outcome obey(http::Known known, Bytes value);
    Outcome obey_host(Bytes value);
    Outcome obey_length(Bytes value);
    Outcome complete();
    Outcome check_request();
    Outcome fail(int status, const char* detail, HttpLimit limit = HttpLimit::none);

    HttpRole role_;
    Part part_ = Part::fields;
    std::uint8_t minor_version_ = 1;
    int status_ = 0;
    const char* octets_ = nullptr;
    std::size_t position_ = 0;  // of the line that is next
    std::size_t section_ = 0;  // where the fields begin
    Place method_, target_, host_;
    std::vector<FieldPlace> places_;
    std::vector<HttpField> fields_;
    Facts facts_;
    HttpFault fault_;
};

}  // namespace tidemill
