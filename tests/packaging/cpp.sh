#!/bin/sh
# cmake --install, then the echo built outside the tree: by find_package(tidemill) and by pkg-config.
set -u
# shellcheck source=tests/packaging/support.sh
. "$(dirname "$0")/support.sh"
PYTHON=$root/.venv/bin/python
prefix=$scratch/prefix
version=$(cat "$root/VERSION")

configure_and_install() {
    cmake -S "$root" -B "$scratch/build" -G Ninja -DCMAKE_INSTALL_PREFIX="$prefix" -DTIDEMILL_PYTHON=OFF -DTIDEMILL_RUBY=OFF -DTIDEMILL_LUA=OFF \
        -DTIDEMILL_TESTS=OFF -DTIDEMILL_BENCH=OFF -DTIDEMILL_EXAMPLES=OFF && cmake --build "$scratch/build" && cmake --install "$scratch/build"
}

check "cmake --install" configure_and_install

mkdir "$scratch/user"
cp "$root/examples/echo/echo.cpp" "$scratch/user/"
cat >"$scratch/user/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.20)
project(user CXX)
find_package(tidemill $version REQUIRED)
add_executable(echo echo.cpp)
target_link_libraries(echo PRIVATE tidemill::tidemill)
END
check "find_package(tidemill)" sh -c 'cmake -S "$1/user" -B "$1/user/build" -G Ninja -DCMAKE_PREFIX_PATH="$1/prefix" && cmake --build "$1/user/build"' - "$scratch"
check_echo "C++ (CMake)" "$scratch/user/build/echo"

PKG_CONFIG_PATH=$(find "$prefix" -name pkgconfig -type d)
export PKG_CONFIG_PATH
check "pkg-config tells the version" test "$(pkg-config --modversion tidemill)" = "$version"
# shellcheck disable=SC2046 # the flags are words
check "pkg-config" g++ $(pkg-config --cflags tidemill) -o "$scratch/user/echo" "$scratch/user/echo.cpp" $(pkg-config --libs tidemill)
check_echo "C++ (pkg-config)" "$scratch/user/echo"
summary
