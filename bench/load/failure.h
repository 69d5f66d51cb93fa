// The ways out of the load generator: 1 if the server or the system is at fault, 2 if the caller is.
#pragma once
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

[[noreturn]] inline void fail(const std::string& text) {
    std::fprintf(stderr, "load: %s\n", text.c_str());
    std::exit(1);
}

[[noreturn]] inline void fail_system(const std::string& operation) {
    fail(operation + ": " + std::generic_category().message(errno));
}

[[noreturn]] inline void refuse(const std::string& text) {
    std::fprintf(stderr, "load: %s\n", text.c_str());
    std::exit(2);
}
