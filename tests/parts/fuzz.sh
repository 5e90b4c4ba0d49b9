# Every fuzz target for a bounded time; fuzz/README.md has more.
# shellcheck shell=bash

fuzz_targets() {
    local log=$logs/fuzz.log code=0 target
    if ! packages g++; then
        for target in fuzz/fuzz_targets/*.rs; do skip "fuzz $(basename "$target" .rs)" "$(missing)"; done
        return
    fi
    timeout --kill-after=10 "$((900 + 2 * ${FUZZ_SECONDS:-60}))" fuzz/run >"$log" 2>&1 </dev/null || code=$?
    grep -E '^fuzz [a-z0-9_]+: .*nothing found' "$log" || true
    passed=$((passed + $(grep -cE '^fuzz [a-z0-9_]+: .*nothing found' "$log" || true)))
    ((code)) || return 0
    grep -vE '^ *(Compiling|Downloaded|Finished) |nothing found' "$log" | tail -n 80 | sed 's/^/    /'
    local names
    names=$(sed -nE 's/^fuzz ([a-z0-9_]+): FAILED.*/\1/p' "$log")
    for target in $names; do fail "fuzz $target" "see above, and $log"; done
    [[ -n $names ]] || fail "fuzz targets" "fuzz/run ended with $code, see $log"
}

stage "fuzz targets, ${FUZZ_SECONDS:-60} s between them" fuzz_targets
