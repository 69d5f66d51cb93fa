-- The rock, for Lua 5.4, LuaJIT and Lua 5.1.   luarocks make lua/tidemill-scm-1.rockspec   in a clone, where SWIG is needed;
-- lua/pack makes the source package of a version of it, with what SWIG makes and this file under the version's name.
rockspec_format = "3.0"
package = "tidemill"
version = "scm-1"
source = {
    url = "git+file://.",
}
description = {
    summary = "One event core in C++, here for Lua: TCP and UNIX streams, timers, ticks",
    license = "MIT",
}
supported_platforms = {"linux"}
dependencies = {
    "lua >= 5.1, < 5.5",
}
external_dependencies = {
    OPENSSL = {header = "openssl/ssl.h"},
    ZLIB = {header = "zlib.h"},
}
build = {
    type = "cmake",
    variables = {
        CMAKE_BUILD_TYPE = "Release",
        TIDEMILL_LUA_INCLUDE = "$(LUA_INCDIR)",
        TIDEMILL_LUA_LIBDIR = "$(LIBDIR)",
        TIDEMILL_LUA_LUADIR = "$(LUADIR)",
        TIDEMILL_PYTHON = "OFF",
        TIDEMILL_RUBY = "OFF",
        TIDEMILL_EXAMPLES = "OFF",
        TIDEMILL_TESTS = "OFF",
        TIDEMILL_BENCH = "OFF",
        TIDEMILL_INSTALL = "OFF",
    },
}
