// What permessage-deflate's negotiation makes of offers and answers, from RFC 6455 9.1 and RFC 7692 5 and 7.1.
#include "tidemill/proto/websocket_extensions.h"

#include <doctest/doctest.h>

using namespace tidemill;

namespace {

// "name; parameter=value; flag" of each, with " | " between them; "?" if it cannot be read.
std::string parsed(std::string_view header) {
    const auto extensions = parse_websocket_extensions(header);
    if (!extensions) return "?";
    std::string text;
    for (const WebSocketExtension& extension : extensions.value()) {
        if (!text.empty()) text += " | ";
        text += extension.name;
        for (const auto& parameter : extension.parameters) text += "; " + parameter.name + (parameter.value ? "=" + *parameter.value : "");
    }
    return text;
}

// What is agreed on: "SERVER_BITS[!] CLIENT_BITS[!]", with a mark for no context; "none".
std::string shown(const std::optional<WebSocketDeflate>& deflate) {
    if (!deflate) return "none";
    return std::to_string(deflate->server_max_window_bits) + (deflate->server_no_context_takeover ? "!" : "") + " " +
           std::to_string(deflate->client_max_window_bits) + (deflate->client_no_context_takeover ? "!" : "");
}

const WebSocketDeflate frugal;
const WebSocketDeflate generous{.server_no_context_takeover = false, .client_no_context_takeover = false};

struct Offer {
    std::string_view header;
    std::string_view agreed;
    std::string_view answer;
};

void check_answers(const WebSocketDeflate& most, const std::vector<Offer>& offers) {
    for (const Offer& offer : offers) {
        CAPTURE(offer.header);
        const auto extensions = parse_websocket_extensions(offer.header);
        REQUIRE(extensions);
        const WebSocketAnswer answer = answer_websocket_extensions(extensions.value(), most);
        CHECK(shown(answer.deflate) == offer.agreed);
        CHECK(answer.header == offer.answer);
    }
}

std::string checked(std::string_view answer, const std::optional<WebSocketDeflate>& offered) {
    const auto result = check_websocket_extensions(answer, offered);
    if (!result) CHECK(result.error().code == ErrorCode::remote_protocol);
    return result ? shown(result.value()) : "?";
}

}  // namespace

TEST_CASE("websocket_extensions_header_is_read_strictly") {
    const std::vector<std::pair<std::string_view, std::string_view>> table{
        {"", ""},
        {"foo", "foo"},
        {"foo, bar; baz=2", "foo | bar; baz=2"},
        {" foo ;\ta = 1 ;b ,bar", "foo; a=1; b | bar"},
        {"foo; a=\"1\"", "foo; a=1"},
        {"foo; a=\"\\1\\0\"", "foo; a=10"},
        {", ,foo,, bar,", "foo | bar"},
        {"foo;", "?"},
        {"foo; =1", "?"},
        {"foo; a=", "?"},
        {"foo; a=;b", "?"},
        {"foo; a=\"\"", "?"},
        {"foo; a=\" 1\"", "?"},
        {"foo; a=\"1", "?"},
        {"foo; a=\"1\\", "?"},
        {"foo; a=\"1 2\"", "?"},
        {"foo bar", "?"},
        {"foo; a=1 2", "?"},
        {"foo; a b", "?"},
        {"foo/bar", "?"},
        {"\x80", "?"},
        {"foo, ;a", "?"},
    };
    for (const auto& [header, expected] : table) {
        CAPTURE(header);
        CHECK(parsed(header) == expected);
    }
}

TEST_CASE("websocket_server_answers_offers_without_a_context_unless_told_otherwise") {
    constexpr std::string_view both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    check_answers(frugal, {
                              {"", "none", ""},
                              {"x-webkit-deflate-frame", "none", ""},
                              {"permessage-deflate", "15! 15!", both},
                              {"permessage-deflate; client_max_window_bits", "15! 15!",
                               "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=15"},
                              {"permessage-deflate; client_max_window_bits=10", "15! 10!",
                               "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=10"},
                              {"permessage-deflate; server_max_window_bits=9", "9! 15!",
                               "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9"},
                              {"permessage-deflate; client_max_window_bits=8", "15! 8!",
                               "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=8"},
                              {"permessage-deflate; server_max_window_bits=\"12\"", "12! 15!",
                               "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12"},
                          });
}

TEST_CASE("websocket_server_that_may_keep_contexts_does_what_the_client_asks") {
    check_answers(generous,
                  {
                      {"permessage-deflate", "15 15", "permessage-deflate"},
                      {"permessage-deflate; server_no_context_takeover", "15! 15", "permessage-deflate; server_no_context_takeover"},
                      {"permessage-deflate; client_no_context_takeover", "15 15!", "permessage-deflate; client_no_context_takeover"},
                  });
    const WebSocketDeflate narrow{.server_no_context_takeover = false,
                                  .client_no_context_takeover = false,
                                  .server_max_window_bits = 11,
                                  .client_max_window_bits = 12};
    check_answers(narrow, {
                              {"permessage-deflate; client_max_window_bits", "11 12",
                               "permessage-deflate; server_max_window_bits=11; client_max_window_bits=12"},
                              {"permessage-deflate", "11 15", "permessage-deflate; server_max_window_bits=11"},
                          });
}

TEST_CASE("websocket_server_passes_over_offers_that_it_cannot_take") {
    for (const std::string_view bad :
         {"server_max_window_bits=8", "server_max_window_bits", "server_max_window_bits=16", "server_max_window_bits=7",
          "server_max_window_bits=010", "client_max_window_bits=16", "client_max_window_bits=1", "client_max_window_bits=15a",
          "server_no_context_takeover=1", "client_no_context_takeover=yes", "server_no_context_takeover; server_no_context_takeover",
          "client_max_window_bits; client_max_window_bits=10", "unknown", "Server_Max_Window_Bits=10"}) {
        CAPTURE(bad);
        const std::string offer = "permessage-deflate; " + std::string(bad);
        check_answers(generous, {{offer, "none", ""}, {offer + ", permessage-deflate", "15 15", "permessage-deflate"}});
    }
}

TEST_CASE("websocket_client_offers_what_it_wants") {
    CHECK(offer_websocket_deflate(generous) == "permessage-deflate; client_max_window_bits");
    CHECK(offer_websocket_deflate(frugal) ==
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits");
    CHECK(offer_websocket_deflate({.server_no_context_takeover = false,
                                   .client_no_context_takeover = false,
                                   .server_max_window_bits = 10,
                                   .client_max_window_bits = 9}) ==
          "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9");
}

TEST_CASE("websocket_client_takes_answers_to_what_it_offered_only") {
    CHECK(checked("", generous) == "none");
    CHECK(checked("", {}) == "none");
    CHECK(checked("permessage-deflate", {}) == "?");
    CHECK(checked("x-other", generous) == "?");
    CHECK(checked("permessage-deflate, permessage-deflate", generous) == "?");
    CHECK(checked("permessage-deflate;", generous) == "?");

    CHECK(checked("permessage-deflate", generous) == "15 15");
    CHECK(checked("permessage-deflate; server_no_context_takeover; client_no_context_takeover", generous) == "15! 15!");
    CHECK(checked("permessage-deflate; server_max_window_bits=8; client_max_window_bits=8", generous) == "8 8");
    CHECK(checked("permessage-deflate; client_max_window_bits", generous) == "?");
    CHECK(checked("permessage-deflate; client_max_window_bits=16", generous) == "?");
    CHECK(checked("permessage-deflate; server_max_window_bits", generous) == "?");
    CHECK(checked("permessage-deflate; unknown", generous) == "?");
    CHECK(checked("permessage-deflate; server_no_context_takeover; server_no_context_takeover", generous) == "?");

    CHECK(checked("permessage-deflate", frugal) == "?");
    CHECK(checked("permessage-deflate; server_no_context_takeover", frugal) == "15! 15!");
    WebSocketDeflate narrow = generous;
    narrow.server_max_window_bits = 10;
    narrow.client_max_window_bits = 11;
    CHECK(checked("permessage-deflate", narrow) == "?");
    CHECK(checked("permessage-deflate; server_max_window_bits=11", narrow) == "?");
    CHECK(checked("permessage-deflate; server_max_window_bits=10", narrow) == "10 11");
    CHECK(checked("permessage-deflate; server_max_window_bits=9; client_max_window_bits=10", narrow) == "9 10");
    CHECK(checked("permessage-deflate; server_max_window_bits=10; client_max_window_bits=12", narrow) == "?");
}

TEST_CASE("websocket_both_sides_agree_on_the_same_whatever_they_want") {
    std::vector<WebSocketDeflate> wishes;
    for (const bool server_forgets : {false, true})
        for (const bool client_forgets : {false, true})
            for (const int server_bits : {9, 12, 15})
                for (const int client_bits : {8, 9, 12, 15}) wishes.push_back({server_forgets, client_forgets, server_bits, client_bits});
    for (const WebSocketDeflate& wanted : wishes)
        for (const WebSocketDeflate& most : wishes) {
            const auto offers = parse_websocket_extensions(offer_websocket_deflate(wanted));
            REQUIRE(offers);
            const WebSocketAnswer answer = answer_websocket_extensions(offers.value(), most);
            const auto agreed = check_websocket_extensions(answer.header, wanted);
            REQUIRE(agreed);
            REQUIRE(agreed.value());
            CHECK(*agreed.value() == *answer.deflate);
        }
}
