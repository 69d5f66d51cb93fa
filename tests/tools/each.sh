#!/bin/sh
# each.sh 'COMMAND' FILE...: runs COMMAND on every file by itself, shows the first lines of what it says to one that fails, and counts.
set -u
command=$1
shift
passed=0 failed=0
for file; do
    # shellcheck disable=SC2086 # a command with arguments
    if said=$($command "$file" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$file:"
        printf '%s\n' "$said" | head -n 3 | sed 's/^/    /'
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
