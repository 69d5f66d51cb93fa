// Latency: logarithmic buckets, 64 to a power of two, so at most 1.6 % wide.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

class Histogram {
public:
    void add(std::chrono::steady_clock::duration duration) {
        const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
        ++counts_[bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0)))];
        ++total_;
    }

    std::uint64_t total() const { return total_; }

    double percentile_microseconds(double share) const {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
            seen += counts_[bucket];
            if (seen > wanted) return middle_of(bucket) / 1000;
        }
        return 0;
    }

private:
    static constexpr unsigned bits = 6;
    static constexpr std::size_t per_octave = 1 << bits;

    static std::size_t bucket_of(std::uint64_t value) {
        if (value < 2 * per_octave) return value;
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - bits - 1;
        return shift * per_octave + (value >> shift);
    }

    static double middle_of(std::size_t bucket) {
        if (bucket < 2 * per_octave) return static_cast<double>(bucket);
        const std::size_t shift = bucket / per_octave - 1;
        const auto width = static_cast<double>(std::uint64_t{1} << shift);
        return (static_cast<double>(bucket - shift * per_octave) + 0.5) * width;
    }

    std::array<std::uint64_t, (64 - bits + 1) * per_octave> counts_{};
    std::uint64_t total_ = 0;
};
