# shellcheck shell=sh
# What the packaging scripts share: a scratch folder that goes at the end, checks that count, and the try-out of an installed echo.
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0

# check WHAT COMMAND...: runs it, counts it, shows its output if it failed.
check() {
    what=$1
    shift
    if "$@" >"$scratch/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok: $what"
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        tail -n 40 "$scratch/log"
    fi
}

# check_echo NAME COMMAND: the installed echo, run from an empty folder, with the checks that the example in the tree passes.
check_echo() {
    mkdir -p "$scratch/empty"
    check "$1: the installed echo, from an empty folder" \
        sh -c 'cd "$1" && exec "$2" "$3/tests/tools/echo_check.py" --here "$4"' - "$scratch/empty" "${PYTHON:-python3}" "$root" "$1=$2"
}

summary() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
