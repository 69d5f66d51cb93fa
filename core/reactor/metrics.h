// Metrics: what a reactor counts, in plain numbers that only its own thread touches. The names are in metrics.def.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>

#include "tidemill/base/clock.h"

namespace tidemill {

// Times in buckets of fixed limits, each twice the one before: 2^10 ns (about a microsecond) to 2^34 ns (17 s), and one for all
// that is longer.
class Histogram {
public:
    static constexpr int buckets = 26;

    // times: as many of the same length.
    void add(Duration took, std::uint64_t times = 1) {
        const auto nanoseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
        const int width = std::bit_width(nanoseconds - (nanoseconds > 0 ? 1 : 0));  // of the smallest power of two that is not below it
        counts_[static_cast<std::size_t>(std::clamp(width - first_width, 0, buckets - 1))] += times;
        sum_ += nanoseconds * times;
    }

    // How many are in bucket i alone; its limit belongs to it. The last one has none.
    std::uint64_t count(int i) const { return counts_[static_cast<std::size_t>(i)]; }
    static double limit(int i) { return static_cast<double>(std::uint64_t{1} << (first_width + i)) / 1e9; }

    std::uint64_t total() const;
    double sum() const { return static_cast<double>(sum_) / 1e9; }

private:
    static constexpr int first_width = 10;

    std::array<std::uint64_t, buckets> counts_{};
    std::uint64_t sum_ = 0;
};

struct Metrics {
#define TIDEMILL_COUNTER(name, text) std::uint64_t name = 0;
#define TIDEMILL_GAUGE(name, text) std::uint64_t name = 0;
#define TIDEMILL_HISTOGRAM(name, text) Histogram name;
#include "tidemill/reactor/metrics.def"
#undef TIDEMILL_COUNTER
#undef TIDEMILL_GAUGE
#undef TIDEMILL_HISTOGRAM
};

// Text exposition format 0.0.4 of Prometheus. Every name begins with tidemill_; a counter's ends with _total.
std::string prometheus_text(const Metrics& metrics);

// For the bindings, one metric a line: "name number", or for a histogram "name count sum limit=count limit=count ...", where the counts
// add up and the last limit is inf.
std::string plain_text(const Metrics& metrics);

}  // namespace tidemill
