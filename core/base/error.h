// Error and Result: how fallible functions of the core answer. No exception crosses a floor.
//
// An Error says what kind it is (code), what was being done (operation), to whom (endpoint), what the system said (os) and, if that
// is not enough, a sentence (detail). The codes are in errors.def.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tidemill {

enum class ErrorCode : std::uint8_t {
    none,
#define TIDEMILL_ERROR(code, exception, text) code,
#include "tidemill/base/errors.def"
#undef TIDEMILL_ERROR
};

// "os", "timeout", ...; "none" for no error.
std::string_view code_name(ErrorCode code);

// "ECONNREFUSED" for the number on this system; "" for 0 or an unknown one.
std::string_view errno_name(int number);

struct Error {
    ErrorCode code = ErrorCode::none;
    int os = 0;
    std::string operation;
    std::string endpoint;
    std::string detail;

    bool is_set() const { return code != ErrorCode::none; }

    // One line for people: "connect tcp://127.0.0.1:1: Connection refused (ECONNREFUSED)".
    std::string text() const;
};

// An error of the operating system. number: errno.
Error os_error(int number, std::string_view operation, std::string_view endpoint = {});

Error make_error(ErrorCode code, std::string_view operation, std::string_view endpoint = {}, std::string_view detail = {});

// A T or an Error. value() on an error and error() on a value are bugs of the caller.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return content_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& value() & { return *std::get_if<0>(&content_); }
    const T& value() const& { return *std::get_if<0>(&content_); }
    T&& value() && { return std::move(*std::get_if<0>(&content_)); }
    const Error& error() const { return *std::get_if<1>(&content_); }

private:
    std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_.is_set(); }
    explicit operator bool() const { return ok(); }
    const Error& error() const { return error_; }

private:
    Error error_;
};

}  // namespace tidemill
