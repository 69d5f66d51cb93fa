// GzipWriter: octets become a gzip stream (RFC 1952), piece by piece, with zlib.
#pragma once
#include <memory>
#include <string>

#include "tidemill/base/bytes.h"

namespace tidemill {

class GzipWriter {
public:
    GzipWriter();
    ~GzipWriter();

    // Appends to `output` what can be told by now; with `is_flushed` so much that the reader can have all of the data.
    void add(Bytes data, std::string& output, bool is_flushed = false);
    void finish(std::string& output);

private:
    struct State;

    void run(Bytes data, int how, std::string& output);

    std::unique_ptr<State> state_;
};

}  // namespace tidemill
