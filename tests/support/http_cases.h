// HTTP messages and what must come of them: for the tests of the engine, and seeds for its fuzz target.
#pragma once
#include <string_view>

namespace tidemill::test {

using namespace std::string_view_literals;

// told: as describe() in support/http.h says it.
struct HttpGood {
    std::string_view input;
    std::string_view told;
};

struct HttpBad {
    std::string_view why;
    std::string_view input;
    int status = 400;
};

// ---- To a server, which answers 204 to each

inline constexpr HttpGood http_good_requests[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "GET / 1.1 [Host=a] none keep; end"},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "GET / 1.1 [Host=a] none keep; end"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n"sv, "GET / 1.1 [Host=] none keep; end"},
    {"GET / HTTP/1.1\r\nhOsT: \t a:80\t \r\n\r\n"sv, "GET / 1.1 [hOsT=a:80] none keep; end"},
    {"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"sv, "GET / 1.1 [Host=[::1]:8080] none keep; end"},
    {"GET / HTTP/1.1\r\nHost: a%41-b_.~\r\n\r\n"sv, "GET / 1.1 [Host=a%41-b_.~] none keep; end"},
    {"GET / HTTP/1.0\r\n\r\n"sv, "GET / 1.0 [] none; end"},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"sv, "GET / 1.0 [Connection=Keep-Alive] none keep; end"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n"sv, "GET / 1.1 [Host=a,Connection=x, close] none; end"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: a\r\nConnection: ,, CLOSE ,\r\n\r\n"sv,
     "GET / 1.1 [Host=a,Connection=a,Connection=,, CLOSE ,] none; end"},
    {"M-SEARCH /a?b=c&d=%20'\"|{}^` HTTP/1.1\r\nHost: a\r\n\r\n"sv, "M-SEARCH /a?b=c&d=%20'\"|{}^` 1.1 [Host=a] none keep; end"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"sv, "OPTIONS * 1.1 [Host=a] none keep; end"},
    {"GET http://A.b:80/x?y HTTP/1.1\r\nHost: a.B:80\r\n\r\n"sv, "GET http://A.b:80/x?y 1.1 [Host=a.B:80] none keep; end"},
    {"GET http://a?y HTTP/1.0\r\n\r\n"sv, "GET http://a?y 1.0 [] none; end"},
    {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"sv, "CONNECT a:443 1.1 [Host=a:443] none keep upgrade; end"},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n"sv,
     "GET / 1.1 [Host=a,Upgrade=websocket,Connection=keep-alive, Upgrade] none keep upgrade; end"},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"sv, "GET / 1.1 [Host=a,Upgrade=websocket] none keep; end"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t \r\nZ: a\tb \xc3\xa9 c\r\n\r\n"sv,
     "GET / 1.1 [Host=a,X=,Y=,Z=a\tb \xc3\xa9 c] none keep; end"},
    {"GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~19azAZ: v\r\n\r\n"sv, "GET / 1.1 [Host=a,!#$%&'*+-.^_`|~19azAZ=v] none keep; end"},
    {"POST / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "POST / 1.1 [Host=a] none keep; end"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"sv, "POST / 1.1 [Host=a,Content-Length=0] length 0 keep; end"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"sv,
     "POST / 1.1 [Host=a,Content-Length=5] length 5 keep; data hello; end"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello"sv,
     "POST / 1.1 [Host=a,Content-Length=0005] length 5 keep; data hello; end"},
    {"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi"sv, "POST / 1.0 [Content-Length=2] length 2; data hi; end"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n"sv,
     "POST / 1.1 [Host=a,Transfer-Encoding=Chunked] chunked keep; data hello 0123456789; end"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0000\r\n\r\n"sv,
     "POST / 1.1 [Host=a,Transfer-Encoding=chunked] chunked keep; end"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b; c\";d\r\nx\r\n0;e\t\r\nSum: 1\r\nTe: y\r\n\r\n"sv,
     "POST / 1.1 [Host=a,Transfer-Encoding=chunked] chunked keep; data x; end Sum=1,Te=y"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\nx"sv,
     "POST / 1.1 [Host=a,Content-Length=1,Expect=100-Continue] length 1 keep continue; data x; end"},
    {"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"sv, "GET / 1.1 [Host=a,Expect=100-continue] none keep; end"},
    {"GET / HTTP/1.0\r\nExpect: a miracle\r\n\r\n"sv, "GET / 1.0 [Expect=a miracle] none; end"},
    {"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc\r\nGET /3 HTTP/1.0\r\n\r\nGET /4 HTTP/1.1\r\n"sv,
     "GET /1 1.1 [Host=a] none keep; end; POST /2 1.1 [Host=b,Content-Length=3] length 3 keep; data abc; end; GET /3 1.0 [] none; end"},
    {"DELETE /x HTTP/1.1\r\nTE: trailers\r\nHost: a\r\n\r\n\r\n"sv, "DELETE /x 1.1 [TE=trailers,Host=a] none keep; end"},
};

#define HTTP_TEST_POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define HTTP_TEST_CHUNKED HTTP_TEST_POST "Transfer-Encoding: chunked\r\n\r\n"

inline constexpr HttpBad http_bad_requests[] = {
    // The framing of the body: what smuggling needs.
    {"length and coding", HTTP_TEST_POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv},
    {"coding and length", HTTP_TEST_POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"sv},
    {"two lengths", HTTP_TEST_POST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"sv},
    {"two equal lengths", HTTP_TEST_POST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"sv},
    {"a list of lengths", HTTP_TEST_POST "Content-Length: 4, 4\r\n\r\nabcd"sv},
    {"a length with a plus", HTTP_TEST_POST "Content-Length: +4\r\n\r\nabcd"sv},
    {"a length with a minus", HTTP_TEST_POST "Content-Length: -1\r\n\r\nabcd"sv},
    {"a length in hex", HTTP_TEST_POST "Content-Length: 0x4\r\n\r\nabcd"sv},
    {"a length with a space inside", HTTP_TEST_POST "Content-Length: 4 0\r\n\r\nabcd"sv},
    {"a length with a point", HTTP_TEST_POST "Content-Length: 4.0\r\n\r\nabcd"sv},
    {"an empty length", HTTP_TEST_POST "Content-Length:\r\n\r\nabcd"sv},
    {"a quoted length", HTTP_TEST_POST "Content-Length: \"4\"\r\n\r\nabcd"sv},
    {"a length above 2^53", HTTP_TEST_POST "Content-Length: 9007199254740993\r\n\r\nabcd"sv},
    {"a length above 2^64", HTTP_TEST_POST "Content-Length: 18446744073709551620\r\n\r\nabcd"sv},
    {"chunked twice in one", HTTP_TEST_POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"sv},
    {"chunked twice", HTTP_TEST_POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv},
    {"chunked not last", HTTP_TEST_POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"sv},
    {"a coding before chunked", HTTP_TEST_POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"sv},
    {"identity", HTTP_TEST_POST "Transfer-Encoding: identity\r\n\r\n"sv},
    {"identity and a length", HTTP_TEST_POST "Content-Length: 1\r\nTransfer-Encoding: identity\r\n\r\nx"sv},
    {"an unknown coding", HTTP_TEST_POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"sv},
    {"an empty coding", HTTP_TEST_POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n"sv},
    {"a quoted coding", HTTP_TEST_POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"sv},
    {"a coding with a parameter", HTTP_TEST_POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"sv},
    {"a coding after a vertical tab", HTTP_TEST_POST "Transfer-Encoding: \x0b"
                                                     "chunked\r\n\r\n0\r\n\r\n"sv},
    {"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv},
    {"CONNECT with a length", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\nx"sv},
    {"CONNECT with a coding", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv},

    // The lines of a head.
    {"a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"sv},
    {"a tab before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 1\r\n\r\nx"sv},
    {"a space in a name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n"sv},
    {"a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n"sv},
    {"a folded line with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n"sv},
    {"white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"sv},
    {"a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"sv},
    {"a bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n"sv},
    {"a bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"sv},
    {"a bare CR after the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n"sv},
    {"a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"sv},
    {"a bare CR at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rX"sv},
    {"two CRs", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"sv},
    {"NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"sv},
    {"NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"sv},
    {"DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n"sv},
    {"a control character in a long value",
     "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789abc\x01"
     "def0123456789\r\n\r\n"sv},
    {"a field without a colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"sv},
    {"a field without a name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"sv},
    {"an octet above ASCII in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\xe9: 1\r\n\r\n"sv},
    {"parentheses in a name", "GET / HTTP/1.1\r\nHost: a\r\nX(1): 1\r\n\r\n"sv},

    // Host.
    {"no Host", "GET / HTTP/1.1\r\n\r\n"sv},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"sv},
    {"two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"sv},
    {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"sv},
    {"Host with a user", "GET / HTTP/1.1\r\nHost: me@a\r\n\r\n"sv},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"sv},
    {"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"sv},
    {"a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"sv},
    {"Host with a bad port", "GET / HTTP/1.1\r\nHost: a:8o\r\n\r\n"sv},
    {"Host with a long port", "GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n"sv},
    {"Host that is a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"sv},
    {"Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"sv},
    {"Host with half a bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"sv},
    {"Host with an empty address", "GET / HTTP/1.1\r\nHost: []\r\n\r\n"sv},
    {"Host with a bad escape", "GET / HTTP/1.1\r\nHost: a%4\r\n\r\n"sv},
    {"Host above ASCII", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"sv},
    {"Host other than the target's", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"sv},

    // The request line.
    {"a later version", "GET / HTTP/9.9\r\nHost: a\r\n\r\n"sv, 505},
    {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"sv, 505},
    {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n"sv, 505},
    {"no version", "GET /\r\n\r\n"sv},
    {"an empty version", "GET / \r\n\r\n"sv},
    {"a version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n"sv},
    {"a version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"sv},
    {"a space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"sv},
    {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"two spaces after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"tabs for spaces", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a method that is none", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a method above ASCII", "G\xc9T / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"an empty line with LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a CR first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a target above ASCII", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a target without a form", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a target with a bad scheme", "GET 1x://a/ HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a target without a host", "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a target with a user", "GET http://me@a/ HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"an asterisk for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"CONNECT with a path", "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"CONNECT with an empty port", "CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01"sv},
    {"an expectation that is unknown", HTTP_TEST_POST "Expect: a miracle\r\nContent-Length: 1\r\n\r\nx"sv, 417},

    // Chunks.
    {"a chunk's size with a space before", HTTP_TEST_CHUNKED " 1\r\nx\r\n0\r\n\r\n"sv},
    {"a chunk's size with a space after", HTTP_TEST_CHUNKED "1 \r\nx\r\n0\r\n\r\n"sv},
    {"a chunk's size with a tab before its extension", HTTP_TEST_CHUNKED "1\t;a\r\nx\r\n0\r\n\r\n"sv},
    {"a chunk's size with a sign", HTTP_TEST_CHUNKED "+1\r\nx\r\n0\r\n\r\n"sv},
    {"a negative chunk", HTTP_TEST_CHUNKED "-1\r\nx\r\n0\r\n\r\n"sv},
    {"a chunk's size with 0x", HTTP_TEST_CHUNKED "0x1\r\nx\r\n0\r\n\r\n"sv},
    {"a chunk's size that is no number", HTTP_TEST_CHUNKED "g\r\nx\r\n0\r\n\r\n"sv},
    {"a chunk without a size", HTTP_TEST_CHUNKED "\r\nx\r\n0\r\n\r\n"sv},
    {"a chunk with only an extension", HTTP_TEST_CHUNKED ";a\r\nx\r\n0\r\n\r\n"sv},
    {"a chunk's size with LF", HTTP_TEST_CHUNKED "1\nx\r\n0\r\n\r\n"sv},
    {"a chunk's size with a bare CR", HTTP_TEST_CHUNKED "1\rx\r\n0\r\n\r\n"sv},
    {"an extension with LF", HTTP_TEST_CHUNKED "1;a\nx\r\n0\r\n\r\n"sv},
    {"an extension without a name", HTTP_TEST_CHUNKED "1;\r\nx\r\n0\r\n\r\n"sv},
    {"an extension with a space before its name", HTTP_TEST_CHUNKED "1; a\r\nx\r\n0\r\n\r\n"sv},
    {"an extension with NUL", HTTP_TEST_CHUNKED "1;a\0\r\nx\r\n0\r\n\r\n"sv},
    {"a chunk above 2^53", HTTP_TEST_CHUNKED "20000000000001\r\nx"sv},
    {"a chunk that ends with LF", HTTP_TEST_CHUNKED "1\r\nx\n0\r\n\r\n"sv},
    {"a chunk that does not end", HTTP_TEST_CHUNKED "1\r\nxy\r\n0\r\n\r\n"sv},
    {"a chunk that ends with CR", HTTP_TEST_CHUNKED "1\r\nx\rY0\r\n\r\n"sv},
    {"the last chunk with LF", HTTP_TEST_CHUNKED "0\r\n\n"sv},
    {"a length among the trailers", HTTP_TEST_CHUNKED "0\r\nContent-Length: 1\r\n\r\n"sv},
    {"a coding among the trailers", HTTP_TEST_CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n"sv},
    {"Host among the trailers", HTTP_TEST_CHUNKED "0\r\nHost: b\r\n\r\n"sv},
    {"a space before a trailer's colon", HTTP_TEST_CHUNKED "0\r\nX : b\r\n\r\n"sv},
    {"a folded trailer", HTTP_TEST_CHUNKED "0\r\nX: b\r\n c\r\n\r\n"sv},
    {"a request smuggled in an extension", HTTP_TEST_CHUNKED "2;\nxx\r\n4c\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n"sv},
};

// ---- To a client, after a request

struct HttpGoodResponse {
    std::string_view method;
    std::string_view input;  // and then the end of the connection
    std::string_view told;
};

inline constexpr HttpGoodResponse http_good_responses[] = {
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"sv, "200 OK 1.1 [Content-Length=5] length 5 keep; data hello; end"},
    {"GET", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"sv, "200  1.1 [Content-Length=0] length 0 keep; end"},
    {"GET", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n"sv, "404  1.1 [Content-Length=0] length 0 keep; end"},
    {"GET", "HTTP/1.1 200 All  is \xc3\xa4\twell\r\n\r\nbody"sv, "200 All  is \xc3\xa4\twell 1.1 [] until_close; data body; end"},
    {"GET", "HTTP/1.0 200 OK\r\n\r\n"sv, "200 OK 1.0 [] until_close; end"},
    {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx"sv,
     "200 OK 1.0 [Connection=keep-alive,Content-Length=1] length 1 keep; data x; end"},
    {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nSum: 1\r\n\r\n"sv,
     "200 OK 1.1 [Transfer-Encoding=chunked,Connection=close] chunked; data abc; end Sum=1"},
    {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"sv, "200 OK 1.1 [Content-Length=5] none keep; end"},
    {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"sv, "200 OK 1.1 [Transfer-Encoding=chunked] none keep; end"},
    {"GET", "HTTP/1.1 204 No Content\r\n\r\n"sv, "204 No Content 1.1 [] none keep; end"},
    {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"sv, "304 Not Modified 1.1 [Content-Length=5] none keep; end"},
    {"GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"sv,
     "interim 100 Continue 1.1 [] none; interim 103 Early Hints 1.1 [Link=x] none; 204 No Content 1.1 [] none keep; end"},
    {"CONNECT", "HTTP/1.1 200 OK\r\n\r\ntunnel"sv, "200 OK 1.1 [] none keep; end; then tunnel"},
    {"CONNECT", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntunnel"sv, "200 OK 1.1 [Content-Length=3] none keep; end; then tunnel"},
    {"CONNECT", "HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\nabc"sv, "407 No 1.1 [Content-Length=3] length 3 keep; data abc; end"},
    {"UPGRADE", "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nmore"sv,
     "101 Go 1.1 [Upgrade=x,Connection=Upgrade] none keep upgrade; end; then more"},
    {"UPGRADE", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"sv, "200 OK 1.1 [Content-Length=1] length 1 keep; data x; end"},
};

#define HTTP_TEST_OK "HTTP/1.1 200 OK\r\n"

inline constexpr HttpBad http_bad_responses[] = {
    {"length and coding", HTTP_TEST_OK "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv},
    {"two lengths", HTTP_TEST_OK "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"sv},
    {"a list of lengths", HTTP_TEST_OK "Content-Length: 4, 4\r\n\r\nabcd"sv},
    {"a length with a sign", HTTP_TEST_OK "Content-Length: +4\r\n\r\nabcd"sv},
    {"a coding before chunked", HTTP_TEST_OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"sv},
    {"a coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv},
    {"a folded line", HTTP_TEST_OK "X: a\r\n b\r\n\r\n"sv},
    {"a space before the colon", HTTP_TEST_OK "X : a\r\n\r\n"sv},
    {"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"sv},
    {"a bare CR in the reason", "HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n"sv},
    {"NUL in the reason", "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"sv},
    {"NUL in a value", HTTP_TEST_OK "X: \0\r\n\r\n"sv},
    {"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"sv},
    {"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"sv},
    {"a status below 100", "HTTP/1.1 099 OK\r\n\r\n"sv},
    {"a later version", "HTTP/2.0 200 OK\r\n\r\n"sv, 505},
    {"another protocol", "ICY 200 OK\r\n\r\n"sv},
    {"an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n"sv},
    {"101 that nobody asked for", "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"sv},
    {"a body cut short", HTTP_TEST_OK "Content-Length: 5\r\n\r\nhell"sv},
    {"a chunked body cut short", HTTP_TEST_OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"sv},
    {"a chunked body without its last line", HTTP_TEST_OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"sv},
    {"a head cut short", HTTP_TEST_OK "Content-Length: 5\r\n"sv},
    {"nothing at all", ""sv},
    {"only an interim response", "HTTP/1.1 100 Continue\r\n\r\n"sv},
    {"octets after the response", HTTP_TEST_OK "Content-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"sv},
    {"a chunk's size with a space", HTTP_TEST_OK "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n"sv},
};

}  // namespace tidemill::test
