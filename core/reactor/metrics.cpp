#include "tidemill/reactor/metrics.h"

#include <cstdio>
#include <numeric>
#include <string_view>

namespace tidemill {

std::uint64_t Histogram::total() const {
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

static std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.12g", value);
    return text;
}

static std::string limit_text(int bucket, std::string_view infinite) {
    return bucket + 1 == Histogram::buckets ? std::string(infinite) : number(Histogram::limit(bucket));
}

// ---- Prometheus ----

static void add_head(std::string& text, const std::string& name, std::string_view kind, std::string_view help) {
    text.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" ").append(kind).append("\n");
}

static void add_number(std::string& text, const std::string& name, std::string_view kind, std::string_view help, std::uint64_t value) {
    add_head(text, name, kind, help);
    text.append(name).append(" ").append(std::to_string(value)).append("\n");
}

static void add_histogram(std::string& text, const std::string& name, std::string_view help, const Histogram& histogram) {
    add_head(text, name, "histogram", help);
    std::uint64_t sum = 0;
    for (int i = 0; i < Histogram::buckets; ++i) {
        sum += histogram.count(i);
        text.append(name).append("_bucket{le=\"").append(limit_text(i, "+Inf")).append("\"} ").append(std::to_string(sum)).append("\n");
    }
    text.append(name).append("_sum ").append(number(histogram.sum())).append("\n");
    text.append(name).append("_count ").append(std::to_string(sum)).append("\n");
}

std::string prometheus_text(const Metrics& metrics) {
    std::string text;
#define TIDEMILL_COUNTER(name, help) add_number(text, "tidemill_" #name "_total", "counter", help, metrics.name);
#define TIDEMILL_GAUGE(name, help) add_number(text, "tidemill_" #name, "gauge", help, metrics.name);
#define TIDEMILL_HISTOGRAM(name, help) add_histogram(text, "tidemill_" #name, help, metrics.name);
#include "tidemill/reactor/metrics.def"
#undef TIDEMILL_COUNTER
#undef TIDEMILL_GAUGE
#undef TIDEMILL_HISTOGRAM
    return text;
}

// ---- the bindings ----

static void add_line(std::string& text, std::string_view name, std::uint64_t value) {
    text.append(name).append(" ").append(std::to_string(value)).append("\n");
}

static void add_line(std::string& text, std::string_view name, const Histogram& histogram) {
    text.append(name).append(" ").append(std::to_string(histogram.total())).append(" ").append(number(histogram.sum()));
    std::uint64_t sum = 0;
    for (int i = 0; i < Histogram::buckets; ++i) {
        sum += histogram.count(i);
        text.append(" ").append(limit_text(i, "inf")).append("=").append(std::to_string(sum));
    }
    text.append("\n");
}

std::string plain_text(const Metrics& metrics) {
    std::string text;
#define TIDEMILL_COUNTER(name, help) add_line(text, #name, metrics.name);
#define TIDEMILL_GAUGE(name, help) add_line(text, #name, metrics.name);
#define TIDEMILL_HISTOGRAM(name, help) add_line(text, #name, metrics.name);
#include "tidemill/reactor/metrics.def"
#undef TIDEMILL_COUNTER
#undef TIDEMILL_GAUGE
#undef TIDEMILL_HISTOGRAM
    return text;
}

}  // namespace tidemill
