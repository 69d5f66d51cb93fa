# Reads what a test runner printed and prints "PASSED FAILED SKIPPED", or nothing if it gave no numbers. Of several such lines the
# last of each kind counts; kinds add up (a doctest program and a Python runner in one log).
#
# Source: the closing lines of this project's runners, doctest, Python's unittest, Ruby's minitest and test-unit.
function number_before(word,   i) {
    for (i = 2; i <= NF; i++) if ($i ~ "^" word) return $(i - 1) + 0
    return 0
}
function number_after(key) {
    return match($0, "(\\(|, )" key "=[0-9]+") ? substr($0, index($0, key "=") + length(key) + 1) + 0 : 0
}
/^([a-z-]+: )?[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ {
    own = number_before("passed") " " number_before("failed") " " number_before("skipped")
}
/^\[doctest\] test cases:/ { doctest = number_before("passed") " " number_before("failed") " " number_before("skipped") }
/^Ran [0-9]+ tests? in / { ran = $2; is_unittest = 1 }
is_unittest && /^(OK|FAILED)( \(|$)/ {
    bad = number_after("failures") + number_after("errors") + number_after("unexpected successes")
    unittest = (ran - bad - number_after("skipped")) " " bad " " number_after("skipped")
}
/^[0-9]+ (runs|tests), [0-9]+ assertions, [0-9]+ failures, [0-9]+ errors, / {
    bad = number_before("failures") + number_before("errors")
    skips = number_before("skips") + number_before("omissions") + number_before("pendings")
    ruby = ($1 - bad - skips) " " bad " " skips
}
END {
    count = split(own "\n" doctest "\n" unittest "\n" ruby, kinds, "\n")
    for (i = 1; i <= count; i++) {
        if (split(kinds[i], part, " ") != 3) continue
        is_told = 1
        passed += part[1]; failed += part[2]; skipped += part[3]
    }
    if (is_told) print passed + 0, failed + 0, skipped + 0
}
