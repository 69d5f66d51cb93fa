#include "tidemill/base/error.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>

using namespace tidemill;

TEST_CASE("error_of_the_system_says_operation_endpoint_and_errno") {
    const Error error = os_error(ECONNREFUSED, "connect", "tcp://127.0.0.1:1");
    CHECK(error.is_set());
    CHECK(error.code == ErrorCode::os);
    CHECK(error.text() == "connect tcp://127.0.0.1:1: Connection refused (ECONNREFUSED)");
}

TEST_CASE("error_without_detail_says_the_text_of_its_code") {
    CHECK(make_error(ErrorCode::timeout, "connect").text() == "connect: the deadline passed");
    CHECK(make_error(ErrorCode::closed, "").text() == "it is closed");
}

TEST_CASE("error_with_detail_says_it") {
    CHECK(make_error(ErrorCode::state, "run", {}, "not now").text() == "run: not now");
}

TEST_CASE("error_new_is_not_set") {
    CHECK_FALSE(Error{}.is_set());
    CHECK(code_name(Error{}.code) == "none");
}

TEST_CASE("error_code_names_are_those_of_the_table") {
    CHECK(code_name(ErrorCode::os) == "os");
    CHECK(code_name(ErrorCode::cancelled) == "cancelled");
    CHECK(code_name(static_cast<ErrorCode>(200)) == "none");
}

TEST_CASE("errno_name_unknown_is_empty") {
    CHECK(errno_name(EPIPE) == "EPIPE");
    CHECK(errno_name(0).empty());
    CHECK(errno_name(100000).empty());
}

TEST_CASE("result_holds_a_value_or_an_error") {
    Result<std::unique_ptr<int>> value = std::make_unique<int>(7);
    REQUIRE(value.ok());
    CHECK(*std::move(value).value() == 7);
    const Result<std::unique_ptr<int>> error = make_error(ErrorCode::limit, "try");
    REQUIRE_FALSE(error.ok());
    CHECK(error.error().code == ErrorCode::limit);
    CHECK(Result<void>{}.ok());
    CHECK_FALSE(Result<void>{make_error(ErrorCode::limit, "try")}.ok());
}
