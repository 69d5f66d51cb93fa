// The name of a type as a person would write it, from what typeid answers.
#pragma once
#include <string>
#include <typeinfo>

namespace tidemill {

std::string type_name(const std::type_info& type);

}  // namespace tidemill
