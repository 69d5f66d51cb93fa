#!/bin/sh
# The source package, unpacked and built by luarocks make for Lua 5.4 and 5.1 on a machine without SWIG, then used by each interpreter.
set -u
# shellcheck source=tests/packaging/support.sh
. "$(dirname "$0")/support.sh"
version=$(cat "$root/VERSION")
source=$scratch/tidemill-$version
export CMAKE_BUILD_PARALLEL_LEVEL=2

without_swig() {
    mkdir -p "$scratch/bin"
    for name in swig swig4.0; do
        printf '#!/bin/sh\necho "swig was called" >&2\nexit 1\n' >"$scratch/bin/$name"
        chmod +x "$scratch/bin/$name"
    done
    PATH=$scratch/bin:$PATH "$@"
}

# make_rock VERSION: into a tree of its own.
make_rock() {
    (cd "$source" && without_swig luarocks --lua-version "$1" --tree "$scratch/$1" make "tidemill-$version-1.rockspec")
}

# Nothing but the scratch tree is searched.
use_tree() {
    LUA_PATH="$scratch/$1/share/lua/$1/?.lua;$scratch/$1/share/lua/$1/?/init.lua"
    LUA_CPATH="$scratch/$1/lib/lua/$1/?.so"
    export LUA_PATH LUA_CPATH
    unset LUA_PATH_5_4 LUA_CPATH_5_4
}

tells_its_version() {
    (cd "$scratch/empty" && test "$("$1" -e 'print(require("tidemill").VERSION)')" = "$version")
}

# try_out INTERPRETER VERSION
try_out() {
    command -v "$1" >/dev/null || { echo "skipped: there is no $1"; return; }
    use_tree "$2"
    check_echo "$1" "$1 $source/examples/echo.lua"
    check "$1: the installed module tells its version" tells_its_version "$1"
}

check "lua/pack" "$root/lua/pack" "$scratch"
tar xzf "$scratch/tidemill-$version.tar.gz" -C "$scratch"
check "it carries the wrapper and the annotations" test -s "$source/generated/lua/core_wrap.cpp" -a -s "$source/generated/api/lua/tidemill.d.lua"
check "luarocks make for Lua 5.4" make_rock 5.4
check "luarocks make for Lua 5.1" make_rock 5.1
try_out lua5.4 5.4
try_out lua5.1 5.1
try_out luajit 5.1
summary
