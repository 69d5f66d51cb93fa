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

has() {
    files=$(tar xOf "$gem" data.tar.gz | tar tzf -) || return
    for file in "$@"; do echo "$files" | grep -qx "$file" || return; done
}

# Which tidemill a program in an empty folder gets.
is_in_use() {
    # shellcheck disable=SC2016 # the expressions are Ruby's
    (
        cd "$scratch/empty" && ruby -rtidemill -e '
version, folder = ARGV
files = $LOADED_FEATURES.grep(/tidemill/)
abort("version #{Tidemill::VERSION}, files #{files}") unless Tidemill::VERSION == version && files.all? { |path| path.start_with?(folder) }
' "$version" "$installed"
    )
}

check "gem build" "$root/ruby/pack" "$scratch"
check "the gem carries the wrapper and the signatures" has generated/ruby/core_wrap.cpp sig/tidemill.rbs
check "the gem carries the handlers of Rack" has lib/rack/handler/tidemill.rb lib/rackup/handler/tidemill.rb lib/tidemill/rack.rb
check "gem install without SWIG" without_swig gem install --local --ignore-dependencies --no-document --install-dir "$installed" "$gem"
check_echo Ruby "ruby $installed/gems/tidemill-$version/examples/echo.rb"
check "the installed gem is the one in use" is_in_use
summary
