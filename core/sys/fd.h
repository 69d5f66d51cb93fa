// Fd: owns one descriptor and closes it once.
#pragma once
#include <utility>

namespace tidemill {

class Fd {
public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            number_ = std::exchange(other.number_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return number_; }
    bool is_open() const { return number_ >= 0; }
    void reset();

private:
    int number_ = -1;
};

}  // namespace tidemill
