// A client of HTTP at script size; bindings/http_client.h says what each does.
namespace tidemill {
namespace script {

class HttpClientCore {
public:
    HttpClientCore(ReactorCore& core, Bytes options, TlsCore* tls, CookieJarCore* cookies);
    ~HttpClientCore();
    void request(Bytes method, Bytes url, Bytes fields, int count, Octets body, bool is_streamed, bool is_gathered, double timeout,
                 int redirects, std::int64_t object);
    bool write(std::int64_t object, Octets data);
    void finish(std::int64_t object);
    void cancel(std::int64_t object);
    void pause(std::int64_t object);
    void resume(std::int64_t object);
    bool is_over(std::int64_t object);
    std::uint64_t connections();
    std::uint64_t waiting();
    void close();
};

}
}
