// Task: something to call later, once or again and again.
#pragma once
#include <functional>

namespace tidemill {

using Task = std::function<void()>;

}  // namespace tidemill
