#!/bin/sh
# Every package, installed into a scratch place and tried from an empty folder: tests/packaging/run.sh [python|cpp|ruby|lua]...
# Each script beside this one does one language and ends with `N passed, N failed`; so does this, with the sums.
set -u
cd "$(dirname "$0")" || exit 1
[ $# -gt 0 ] || set -- cpp python ruby lua
passed=0
failed=0
for language in "$@"; do
    echo "== package: $language"
    output=$(sh "./$language.sh" 2>&1)
    status=$?
    printf '%s\n' "$output"
    last=$(printf '%s\n' "$output" | tail -n 1)
    case $last in
    *" passed, "*" failed"*)
        passed=$((passed + ${last%% *}))
        rest=${last#* passed, }
        failed=$((failed + ${rest%% *}))
        [ $status -eq 0 ] || [ "${rest%% *}" != 0 ] || failed=$((failed + 1))
        ;;
    *) failed=$((failed + 1)) ;;
    esac
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
