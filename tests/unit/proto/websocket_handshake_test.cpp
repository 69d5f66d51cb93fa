// The checks of the opening handshake, from RFC 6455 4.1 and 4.2.
#include "tidemill/proto/websocket_handshake.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

using namespace tidemill;

namespace {

constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view accept_ = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::vector<HttpField> good_request() {
    return {{"Host", "example.org"},
            {"Upgrade", "websocket"},
            {"Connection", "Upgrade"},
            {"Sec-WebSocket-Key", key},
            {"Sec-WebSocket-Version", "13"}};
}

std::vector<HttpField> good_answer() {
    return {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept_}};
}

// The fields with the value of one replaced; nullptr: without it.
std::vector<HttpField> with(std::vector<HttpField> fields, std::string_view name, const char* value) {
    std::erase_if(fields, [name](const HttpField& field) { return field.name == name; });
    if (value != nullptr) fields.push_back({name, value});
    return fields;
}

int status_of(const std::vector<HttpField>& fields) {
    const WebSocketRequest request = read_websocket_request("GET", 1, fields);
    CHECK(request.problem.empty() == (request.status == 101));
    return request.status;
}

bool is_granted(const std::vector<HttpField>& fields, const std::vector<std::string>& offered = {}) {
    const auto grant = read_websocket_answer(101, fields, accept_, offered);
    if (!grant) CHECK(grant.error().code == ErrorCode::remote_protocol);
    return grant.ok();
}

}  // namespace

TEST_CASE("websocket_request_that_is_good_is_read") {
    std::vector<HttpField> fields = good_request();
    fields.push_back({"origin", "https://example.org"});
    fields.push_back({"sec-websocket-protocol", "chat, superchat"});
    fields.push_back({"Sec-WebSocket-Protocol", "third"});
    fields.push_back({"Sec-WebSocket-Extensions", "foo"});
    fields.push_back({"Sec-WebSocket-Extensions", " bar; a=1 "});
    const WebSocketRequest request = read_websocket_request("GET", 1, fields);
    CHECK(request.status == 101);
    CHECK(request.key == key);
    CHECK(request.origin == "https://example.org");
    CHECK(request.protocols == std::vector<std::string_view>{"chat", "superchat", "third"});
    CHECK(request.extensions == "foo, bar; a=1");
    CHECK(choose_websocket_protocol(request.protocols, {"third", "superchat"}) == "superchat");
    CHECK(choose_websocket_protocol(request.protocols, {"Chat"}).empty());
}

TEST_CASE("websocket_request_is_checked_field_by_field") {
    struct Row {
        std::string_view name;
        const char* value;
        int status;
    };
    const std::vector<Row> table{
        {"Upgrade", nullptr, 400},
        {"Upgrade", "h2c", 400},
        {"Upgrade", "websockets", 400},
        {"Upgrade", "WebSocket", 101},
        {"Upgrade", "h2c, websocket", 101},
        {"Connection", nullptr, 400},
        {"Connection", "keep-alive", 400},
        {"Connection", "keep-alive, Upgrade", 101},
        {"Connection", "UPGRADE", 101},
        {"Connection", "no-upgrade", 400},
        {"Sec-WebSocket-Version", nullptr, 426},
        {"Sec-WebSocket-Version", "8", 426},
        {"Sec-WebSocket-Version", "14", 426},
        {"Sec-WebSocket-Version", "13, 8", 426},
        {"Sec-WebSocket-Version", "013", 426},
        {"Sec-WebSocket-Key", nullptr, 400},
        {"Sec-WebSocket-Key", "", 400},
        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=", 400},
        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ", 400},
        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSE=", 400},  // 17 octets
        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j", 400},      // 15
        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j*Q==", 400},
        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub2=jZQ==", 400},
        {"Sec-WebSocket-Protocol", "a, a", 400},
        {"Sec-WebSocket-Protocol", "a b", 400},
        {"Sec-WebSocket-Protocol", "a/b", 400},
        {"Sec-WebSocket-Protocol", "a,, b", 101},
    };
    for (const Row& row : table) {
        CAPTURE(row.name);
        CAPTURE(row.value);
        CHECK(status_of(with(good_request(), row.name, row.value)) == row.status);
    }
}

TEST_CASE("websocket_request_with_a_field_twice_is_refused") {
    for (const auto& [name, value] :
         {std::pair<std::string_view, std::string_view>{"Sec-WebSocket-Key", key}, {"Sec-WebSocket-Version", "13"}}) {
        std::vector<HttpField> fields = good_request();
        fields.push_back({name, value});
        CHECK(status_of(fields) == 400);
    }
    std::vector<HttpField> fields = good_request();
    fields.insert(fields.end(), {{"Origin", "https://a"}, {"Origin", "https://b"}});
    CHECK(status_of(fields) == 400);
    fields = good_request();
    fields.insert(fields.end(), {{"Sec-WebSocket-Protocol", "a"}, {"Sec-WebSocket-Protocol", "a"}});
    CHECK(status_of(fields) == 400);
}

TEST_CASE("websocket_request_by_another_method_or_version_is_refused") {
    CHECK(read_websocket_request("POST", 1, good_request()).status == 405);
    CHECK(read_websocket_request("get", 1, good_request()).status == 405);
    CHECK(read_websocket_request("GET", 0, good_request()).status == 400);
    CHECK(is_websocket_request(good_request()));
    CHECK_FALSE(is_websocket_request(with(good_request(), "Upgrade", "h2c")));
}

TEST_CASE("websocket_answer_that_is_good_is_read") {
    std::vector<HttpField> fields = good_answer();
    CHECK(is_granted(fields));
    fields.push_back({"Sec-WebSocket-Protocol", "chat"});
    fields.push_back({"Sec-WebSocket-Extensions", "permessage-deflate"});
    const auto grant = read_websocket_answer(101, fields, accept_, {"superchat", "chat"});
    REQUIRE(grant);
    CHECK(grant.value().protocol == "chat");
    CHECK(grant.value().extensions == "permessage-deflate");
}

TEST_CASE("websocket_answer_is_checked_field_by_field") {
    CHECK_FALSE(read_websocket_answer(200, good_answer(), accept_, {}));
    CHECK(read_websocket_answer(403, good_answer(), accept_, {}).error().text().find("403") != std::string::npos);
    for (const char* value : {static_cast<const char*>(nullptr), "h2c", "websocket, h2c"})
        CHECK_FALSE(is_granted(with(good_answer(), "Upgrade", value)));
    for (const char* value : {static_cast<const char*>(nullptr), "close"})
        CHECK_FALSE(is_granted(with(good_answer(), "Connection", value)));
    for (const char* value : {static_cast<const char*>(nullptr), "", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="})
        CHECK_FALSE(is_granted(with(good_answer(), "Sec-WebSocket-Accept", value)));
    CHECK_FALSE(is_granted(with(good_answer(), "Sec-WebSocket-Protocol", "chat")));
    CHECK_FALSE(is_granted(with(good_answer(), "Sec-WebSocket-Protocol", ""), {"chat"}));
    CHECK_FALSE(is_granted(with(good_answer(), "Sec-WebSocket-Protocol", "chat, superchat"), {"chat", "superchat"}));
    CHECK_FALSE(is_granted(with(good_answer(), "Sec-WebSocket-Protocol", "Chat"), {"chat"}));
    std::vector<HttpField> fields = good_answer();
    fields.insert(fields.end(), {{"Sec-WebSocket-Protocol", "chat"}, {"Sec-WebSocket-Protocol", "chat"}});
    CHECK_FALSE(is_granted(fields, {"chat"}));
    fields = good_answer();
    fields.push_back({"Sec-WebSocket-Accept", accept_});
    CHECK_FALSE(is_granted(fields));
}

TEST_CASE("websocket_request_and_answer_that_we_write_are_good") {
    const WebSocketRequest request =
        read_websocket_request("GET", 1, websocket_request_fields(key, "a, b", "permessage-deflate", "https://example.org"));
    CHECK(request.status == 101);
    CHECK(request.protocols.size() == 2);
    CHECK(request.origin == "https://example.org");
    CHECK(request.extensions == "permessage-deflate");
    CHECK(websocket_request_fields(key, {}, {}, {}).size() == 4);
    const std::vector<HttpField> answer = websocket_answer_fields(accept_, "b", "permessage-deflate");
    const auto grant = read_websocket_answer(101, answer, accept_, {"a", "b"});
    REQUIRE(grant);
    CHECK(grant.value().protocol == "b");
    CHECK(grant.value().extensions == "permessage-deflate");
    CHECK(websocket_answer_fields(accept_, {}, {}).size() == 3);
}

TEST_CASE("websocket_answer_takes_fields_of_the_user_but_none_of_its_own") {
    const HttpField good[] = {{"Set-Cookie", "a=b"}, {"x", ""},         {"Sec-WebSocketX", "1"}, {"Sec-Web", "1"},
                              {"Connections", "1"},  {"Date", "today"}, {"x-a", "\xC3\xA4"}};
    for (const HttpField& field : good) CHECK(check_websocket_answer_field(field).ok());
    const HttpField bad[] = {{"Sec-WebSocket-Accept", "x"},
                             {"SEC-WEBSOCKET-PROTOCOL", "x"},
                             {"sec-websocket-extensions", "x"},
                             {"Sec-WebSocket-", "x"},
                             {"upgrade", "h2c"},
                             {"Connection", "close"},
                             {"Content-Length", "0"},
                             {"transfer-encoding", "x"},
                             {"Trailer", "x"},
                             {"TE", "trailers"},
                             {"", "x"},
                             {"a b", "x"},
                             {"a:", "x"},
                             {"x-a", "1\r\nx-b: 2"},
                             {"x-a", "1\nx"},
                             {"x-a", "1\rx"},
                             {"x-a", Bytes("1\0x", 3)},
                             {"x\r\n", "x"}};
    for (const HttpField& field : bad) {
        CAPTURE(field.name);
        const Result<void> checked = check_websocket_answer_field(field);
        REQUIRE_FALSE(checked.ok());
        CHECK(checked.error().code == ErrorCode::local_protocol);
    }
}
