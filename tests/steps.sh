# shellcheck shell=sh disable=SC2154,SC2086,SC2046 # variables of ./dev; lists and commands in variables are meant to split
# The steps of `./dev test` and `./dev lint`; part of ./dev, which reads this file.
#
# A step is a line of `test_step` or `lint_step`. What its commands print goes to build/logs/STEP.log and is shown only if they
# fail. A command counts the tests that it tells of in its last line, "N passed, N failed[, N skipped]" or as tally.awk knows
# it, otherwise as one.

test_steps='unit faults asan tsan fuzz oracles conformance-cpp conformance-python conformance-ruby conformance-lua python ruby lua examples cookbook
    surface floors packaging bench soak'

test_step() {
    case $1 in
    unit)
        run build/tests/unit_tests
        run build/tests/contract_tests
        ;;
    faults)
        if with Python; then run $python tests/tools/check_calls.py; fi
        run build/tests/fault_tests
        ;;
    asan)
        if prepare build asan unit_tests contract_tests fault_tests conformance; then
            for program in unit_tests contract_tests fault_tests conformance_cpp; do run build/asan/tests/$program; done
        fi
        ;;
    tsan) if prepare build tsan thread_tests; then run env $fixed_addresses build/tsan/tests/thread_tests; fi ;;
    fuzz)
        if with fuzz && prepare build fuzz; then
            rm -rf build/seeds
            fuzz endpoint 200000 300
            fuzz buffer 2000 300
            run build/fuzz/tests/fuzz/http_seeds build/seeds/http
            fuzz http 100000 600 build/seeds/http
            run $python tests/fuzz/seeds.py build/seeds/framing
            fuzz framing 20000 60 build/seeds/framing
            fuzz websocket 50000 2000
            fuzz session 50000 600
            run $python tests/fuzz/seeds.py build/seeds/client cookies
            fuzz client 200000 300 build/seeds/client
        fi
        ;;
    oracles)
        if ! share llhttp/llhttp.c; then skip 'the sources of llhttp are missing; to add them: apt-get install node-llhttp'; return; fi
        if with Python; then
            if $python -c 'import h11' 2>/dev/null; then
                run $python tests/oracle/http_differential.py build/tests/http_verdicts
            else
                skip 'there is no h11; ./dev setup installs it'
            fi
            if need valgrind; then run $python tests/oracle/http_cost.py build/tests/http_cost; fi
        fi
        ;;
    conformance-cpp) run build/tests/conformance_cpp ;;
    conformance-python) if with Python; then run $python tests/conformance/run.py; fi ;;
    conformance-ruby) if with Ruby; then run ruby tests/conformance/run.rb; fi ;;
    conformance-lua) for lua in $luas; do if with "$lua"; then run "$lua" tests/conformance/run.lua; fi; done ;;
    python)
        if with Python; then
            run $python -m unittest discover -s python/tests
            if need .venv/bin/mypy; then on "$(sources '*.py' examples)" env MYPYPATH=build/python .venv/bin/mypy --strict --explicit-package-bases; fi
        fi
        ;;
    ruby) if with Ruby; then on "$(sources '*_test.rb' ruby/tests)" ruby -e 'ARGV.each { |path| require File.expand_path(path) }'; fi ;;
    lua)
        files=$(sources '*.lua' lua/tests | grep -v '/support.lua$' || true)
        if [ -z "$files" ]; then skip 'there is no lua/tests'; return; fi
        for lua in $luas; do if with "$lua"; then for file in $files; do run "$lua" "$file"; done; fi; done
        ;;
    examples)
        if with Python; then
            set --
            for language in C++ Python Ruby $luas; do
                if with "$language"; then set -- "$@" "$language=$(example echo "$language")"; fi
            done
            run $python tests/tools/echo_check.py "$@"
            if need sslscan; then run $python tests/tools/tls_scan.py "$@"; fi
            set --
            for language in C++ Python Ruby $luas; do
                if with "$language"; then set -- "$@" "$language=$(example http/hello "$language")"; fi
            done
            run $python tests/tools/hello_check.py "$@"
            run $python tests/tools/neighbours_check.py "$@"
            set --
            for language in C++ Python Ruby $luas; do
                if with "$language"; then set -- "$@" "$language=$(example http/fetch "$language")"; fi
            done
            run $python tests/tools/fetch_check.py "$@"
            set --
            for language in C++ Python Ruby $luas; do
                if with "$language"; then set -- "$@" "$language=$(example websocket/chat "$language")"; fi
            done
            if need .venv/bin/websockets; then run $python tests/tools/websocket_check.py "$@"; fi
            run $python tests/tools/chat_check.py
            if with lua5.4; then run $python tests/tools/embed_check.py; fi
        fi
        ;;
    cookbook) if with Python; then run $python tests/tools/check_cookbook.py; fi ;;
    surface)
        if with Python; then
            run $python tests/surface/check.py
            run $python tools/make_api.py --out build/api
            if need .venv/bin/mypy; then run .venv/bin/mypy --strict build/api/python/tidemill/__init__.pyi; fi
            if with Ruby; then run ruby -rrbs -rrbs/cli -e "$validate_signatures" -- -I build/api/ruby/sig validate --silent; fi
            if need luac5.1; then run luac5.1 -p build/api/lua/tidemill.d.lua; fi
        fi
        ;;
    floors)
        if with Python; then
            run $python tests/tools/check_floors.py
            run $python tests/tools/limits_page.py
        fi
        ;;
    packaging) for language in cpp python ruby lua; do run bash tests/packaging/run.sh $language; done ;; # each builds the core: a time limit each
    bench) if with Python; then run $python bench/run.py --smoke; fi ;;
    soak)
        # A smoke, for C++ only, of seven seconds of load and two rests; what it is for takes an hour: ./dev soak
        run build/tests/soak 0.12 build/examples/echo
        ;;
    *) return 1 ;;
    esac
}

lint_steps='layout shell-syntax python-syntax ruby-syntax lua5.4-syntax lua5.1-syntax'

lint_step() {
    case $1 in
    layout) if need $layout; then on "$(sources '*.cpp' && sources '*.h' && sources '*.c')" tests/tools/each.sh "$layout --dry-run -Werror"; fi ;;
    shell-syntax) if need shellcheck; then on "$(sources '*.sh')" tests/tools/each.sh 'shellcheck -x -e SC2016' dev .ci/run; fi ;;
    python-syntax) if need .venv/bin/ruff; then on "$(sources '*.py' && sources '*.pyi')" $ruff; fi ;;
    ruby-syntax) if need ruby; then on "$(sources '*.rb' && sources '*.gemspec')" tests/tools/each.sh 'ruby -wc'; fi ;;
    lua*-syntax)
        luac=luac${1#lua} luac=${luac%-syntax}
        if need "$luac"; then on "$(sources '*.lua' && sources '*.rockspec')" tests/tools/each.sh "$luac -p"; fi
        ;;
    *) return 1 ;;
    esac
}

# shellcheck disable=SC2016 # variables of Ruby
validate_signatures='RBS::CLI.new(stdout: $stdout, stderr: $stderr).run(ARGV)'
luas='lua5.4 lua5.1 luajit'
layout=.venv/bin/clang-format
ruff='.venv/bin/ruff check --no-cache --quiet'

# sources PATTERN [FOLDER]: files of ours, not what was built or installed.
sources() {
    if [ -d "${2:-.}" ]; then
        find "${2:-.}" \( -name build -o -name '.venv*' -o -name .git -o -name generated \) -prune -o -type f -name "$1" -print | sort
    fi
}

# ---- What a step is made of --------------------------------------------------------------------------------------------

# run COMMAND...: one command of the step; what it counts is added to the step's counts.
run() {
    for word; do
        case $word in
        build/api* | build/seeds*) ;; # made by the step itself
        build/* | tests/* | bench/* | python/*) if ! [ -e "$word" ]; then miss "$word"; return; fi ;;
        esac
    done
    printf '   %s ... ' "$(printf '%s ' "$@" | cut -c 1-100)"
    say "\$ $*" >>"$log"
    status=0
    $limit "$@" >$logs/now.log 2>&1 </dev/null || status=$?
    cat $logs/now.log >>"$log"
    counts=$(awk -f tests/tools/tally.awk $logs/now.log)
    if [ "$counts" = '0 0 0' ]; then say 'it ran no test' | tee -a "$log" >>$logs/now.log; status=1; fi
    if [ -z "$counts" ]; then counts='1 0 0'; if [ $status -ne 0 ]; then counts='0 0 0'; fi; fi
    set -- $counts
    if [ $status -ne 0 ] && [ "$2" = 0 ]; then set -- "$1" 1 "$3"; fi
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    say "$1 passed, $2 failed, $3 skipped"
    if [ "$2" != 0 ]; then show_failure $logs/now.log; fi
}

# on FILES COMMAND...: runs COMMAND with the files, if there are any.
on() {
    files=$1
    shift
    if [ -n "$files" ]; then run "$@" $files; else skip "there is nothing for $*"; fi
}

# prepare COMMAND...: a condition of the step, not a test; if it fails the step has failed.
prepare() {
    printf '   %s ... ' "$*"
    if ("$@") >>"$log" 2>&1; then say ready; return; fi
    say failed
    show_failure "$log"
    failed=$((failed + 1))
    return 1
}

# fuzz NAME RUNS MAX_LEN [SEEDS]. libFuzzer chooses by addresses and adds to its seeds: with both the same, every machine tries the same inputs.
fuzz() { run env $fixed_addresses "build/fuzz/tests/fuzz/$1_fuzz" -runs="$2" -max_len="$3" -seed=1 -verbosity=0 ${4-}; }

show_failure() {
    tail -n 40 "$1" | sed 's/^/   | /'
    say "   | all of it in $log"
}

# Everything that a step names exists in a complete tree: what is gone was renamed or not built, and must not pass as skipped.
miss() {
    say "   failed: there is no $1"
    failed=$((failed + 1))
}

skip() {
    say "   skipped: $*"
    skipped=$((skipped + 1))
}

# with LANGUAGE, need COMMAND: whether it is there; otherwise it counts as skipped.
with() { ready "$1" || { skip "$why"; return 1; }; }
need() { has "$1" || { skip "there is no $1; ./dev setup installs it"; return 1; }; }

# ---- Running them ------------------------------------------------------------------------------------------------------

run_test() {
    if [ "${1:-}" = --list ]; then printf '%s\n' $test_steps; return; fi
    setup
    # What conformance needs: 4,000 descriptors
    # shellcheck disable=SC3045 # dash, bash, ksh and busybox have it
    ulimit -S -n 8192 2>/dev/null || ulimit -S -n "$(ulimit -H -n)" || true
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
    export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    # ThreadSanitizer of GCC 12 does not start with the wide address randomisation of newer kernels.
    fixed_addresses=
    if has setarch && setarch "$(uname -m)" -R true 2>/dev/null; then fixed_addresses="setarch $(uname -m) -R"; fi
    begin test
    prepare build release || finish
    eval "$(environment)"
    steps test "${*:-$test_steps}"
}

run_lint() {
    if [ "${1:-}" = --list ]; then printf '%s\n' $lint_steps; return; fi
    setup
    if [ "${1:-}" = --fix ]; then
        $layout -i $(sources '*.cpp' && sources '*.h' && sources '*.c')
        $ruff --fix $(sources '*.py' && sources '*.pyi')
        return
    fi
    begin lint
    steps lint "${*:-$lint_steps}"
}

begin() {
    log=$logs/$1.log
    : >"$log"
    total_passed=0 total_failed=0 total_skipped=0 table=
    passed=0 failed=0 skipped=0
    # A command that hangs is ended; in a terminal Ctrl-C must still reach it.
    limit=
    if has timeout; then if [ -t 1 ]; then limit='timeout --foreground -k 10 600'; else limit='timeout -k 10 600'; fi; fi
}

# steps KIND NAMES: runs them, one after another, and ends with the sum.
steps() {
    for step in $2; do
        say "== $step"
        passed=0 failed=0 skipped=0 log=$logs/$step.log since=$(date +%s)
        : >"$log"
        "$1_step" "$step" || fail "./dev $1: there is no step $step; ./dev $1 --list names them"
        add "$step" $(($(date +%s) - since))
    done
    finish
}

add() {
    total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed)) total_skipped=$((total_skipped + skipped))
    table="$table$(printf '%-20s %7d %7d %8d %6d s' "$1" $passed $failed $skipped "$2")
"
}

finish() {
    if [ -z "$table" ]; then add build 0; fi
    say ''
    printf '%-20s %7s %7s %8s\n%s\n' step passed failed skipped "$table"
    if [ $total_skipped = 0 ]; then say "$total_passed passed, $total_failed failed"; else
        say "$total_passed passed, $total_failed failed, $total_skipped skipped"
    fi
    [ $total_failed = 0 ] || exit 1
    exit 0
}
