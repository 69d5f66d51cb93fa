// Fetches a URL: the body goes to the standard output or into a file, how far it is to stderr.   build/examples/http/fetch URL [--output FILE]
//
//     --authorities FILE    who may sign the server's certificate, instead of the system's trust store
//
// The exit code is 0 for an answer below 400, 1 for another answer, 2 if there was none.
#include <tidemill/tidemill.h>

#include <cstdio>
#include <string_view>

struct Outcome {
    std::FILE* output = stdout;
    int code = 2;
};

class Download : public tidemill::HttpExchangeHandler {
public:
    explicit Download(Outcome& outcome) : outcome_(outcome) {}

    void on_response(tidemill::HttpExchange& exchange, const tidemill::HttpHead& head) override {
        outcome_.code = head.status < 400 ? 0 : 1;
        if (const tidemill::HttpField* length = head.find("content-length")) length_ = " of " + std::string(length->value);
        if (outcome_.code == 0) return;
        std::fprintf(stderr, "%s: %d %s\n", exchange.url().text().c_str(), head.status, std::string(head.reason).c_str());
    }

    void on_body(tidemill::HttpExchange&, tidemill::Bytes data) override {
        std::fwrite(data.data(), 1, data.size(), outcome_.output);
        done_ += data.size();
        if (done_ - told_ < 1024 * 1024) return;
        told_ = done_;
        std::fprintf(stderr, "%zu octets%s\n", done_, length_.c_str());
    }

    void on_failure(tidemill::HttpExchange&, const tidemill::Error& error) override {
        outcome_.code = 2;
        std::fprintf(stderr, "%s\n", error.text().c_str());
    }

private:
    Outcome& outcome_;
    std::string length_;
    std::size_t done_ = 0;
    std::size_t told_ = 0;
};

static int fail(const tidemill::Error& error) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    return 2;
}

int main(int argc, char** argv) {
    std::string url;
    tidemill::TlsOptions tls;
    Outcome outcome;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--output" && i + 1 < argc)
            outcome.output = std::fopen(argv[++i], "wb");
        else if (word == "--authorities" && i + 1 < argc)
            tls.authorities = argv[++i];
        else
            url = word;
    }
    const auto context = tidemill::TlsContext::make(tls);
    if (!context) return fail(context.error());
    if (outcome.output == nullptr) return fail(tidemill::os_error(errno, "open", "--output"));

    tidemill::HttpClientOptions options;
    options.tls = context.value();
    options.limits.first_octet = std::chrono::seconds(20);
    tidemill::Reactor reactor;
    tidemill::HttpClient client(reactor, options);
    const auto asked = client.request({.url = url}, std::make_unique<Download>(outcome));
    if (!asked) return fail(asked.error());
    if (const auto ran = reactor.run(); !ran) return fail(ran.error());
    std::fclose(outcome.output);
    return outcome.code;
}
