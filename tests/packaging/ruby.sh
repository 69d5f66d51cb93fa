#!/bin/sh
# gem build, then gem install into a scratch place, on a machine without SWIG.
set -u
# shellcheck source=tests/packaging/support.sh
. "$(dirname "$0")/support.sh"
# Not the in-tree build, whatever the caller's environment says.
unset RUBYLIB RUBYOPT
version=$(cat "$root/VERSION")
gem=$scratch/tidemill-$version.gem
installed=$scratch/gems
# Nothing but the scratch place is searched for gems.
export GEM_HOME="$installed" GEM_PATH="$installed"

without_swig() {
    mkdir "$scratch/bin"
    for name in swig swig4.0; do
        printf '#!/bin/sh\necho "swig was called" >&2\nexit 1\n' >"$scratch/bin/$name"
        chmod +x "$scratch/bin/$name"
    done
    PATH=$scratch/bin:$PATH "$@"
}

check "gem build" "$root/ruby/pack" "$scratch"
check "the gem carries the wrapper and the signatures" sh -c \
    'files=$(tar xOf "$1" data.tar.gz | tar tzf -) && for file in generated/ruby/core_wrap.cpp sig/tidemill.rbs; do echo "$files" | grep -qx $file || exit 1; done' - "$gem"
check "gem install without SWIG" without_swig gem install --local --ignore-dependencies --no-document --install-dir "$installed" "$gem"
example=$installed/gems/tidemill-$version/examples/echo.rb
check_echo Ruby "ruby $example"
check "the installed gem knows its version and is the one in use" sh -c 'cd "$1/empty" && ruby -e "
require %q(tidemill)
raise Tidemill::VERSION if Tidemill::VERSION != ARGV[0]
raise \$LOADED_FEATURES.grep(/tidemill/).to_s unless \$LOADED_FEATURES.grep(/tidemill/).all? { |path| path.start_with?(ARGV[1]) }
" "$2" "$3"' - "$scratch" "$version" "$installed"
summary
