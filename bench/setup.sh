# shellcheck shell=sh disable=SC2154,SC2086,SC2046 # variables of ./dev; lists in variables are meant to split
# `./dev bench --setup`: installs what tidemill is compared with; part of ./dev, which reads this file.
#
# Nothing else needs any of it, so neither ./dev setup nor ./dev test brings it. What comes from PyPI, and the library that plots, gets
# a .venv-bench of its own, so that .venv stays what the tests know.

bench_python=.venv-bench/bin/python

# peers KIND: what the table of contestants needs, KIND being deb or pypi.
peers() {
    awk -F'|' -v kind="$1:" '!/^#/ && index($4, kind) { sub(/.*:/, "", $4); gsub(/ /, "", $4); if (!seen[$4]++) printf " %s", $4 }' \
        bench/contestants.txt
}

bench_setup() {
    mkdir -p $logs
    if has apt-get; then
        say "bench: installing$(peers deb) (log: $logs/apt.log)"
        install_with_apt $(peers deb)
    else
        say "bench: install the peers by hand, under their Debian names:$(peers deb)"
    fi
    say "bench: installing$(peers pypi) matplotlib into .venv-bench (log: $logs/pip-bench.log)"
    if ! $bench_python -c 'import pip' 2>/dev/null; then "$(system_python)" -m venv --clear .venv-bench; fi
    : >$logs/pip-bench.log
    # One that cannot be installed must not keep the others out.
    for project in $(peers pypi) matplotlib; do
        $bench_python -m pip install --quiet --disable-pip-version-check "$project" >>$logs/pip-bench.log 2>&1 ||
            say "bench: $project could not be installed, what needs it is skipped"
    done
}
