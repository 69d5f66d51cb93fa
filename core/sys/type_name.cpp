#include "tidemill/sys/type_name.h"

#include <cxxabi.h>

#include <cstdlib>

namespace tidemill {

std::string type_name(const std::type_info& type) {
    int status = 0;
    char* readable = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
    std::string name = status == 0 ? readable : type.name();
    std::free(readable);
    return name;
}

}  // namespace tidemill
