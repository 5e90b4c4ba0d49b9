# Unit, property, integration and documentation tests of every crate, by `cargo test`: it is there wherever Rust is,
# and unlike cargo-nextest it runs the examples in the documentation as well.
# shellcheck shell=bash

unit_tests() {
    local log=$logs/unit.log code=0 sums ok bad
    timeout --kill-after=10 1500 cargo test --workspace --no-fail-fast >"$log" 2>&1 </dev/null || code=$?
    # One line for each test binary: `test result: ok. 27 passed; 0 failed; 1 ignored; ...`
    sums=$(awk '/^test result: / { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1) } } END { print p + 0, f + 0 }' "$log")
    read -r ok bad <<<"$sums"
    passed=$((passed + ok))
    echo "$ok passed, $bad failed"
    if ((code)); then
        grep -vE '^(test .* \.\.\. (ok|ignored.*)|running [0-9]+ tests?|test result: ok\..*| *(Compiling|Running|Doc-tests|Downloaded) .*)?$' "$log" | tail -n 200 | sed 's/^/    /'
    fi
    if ((bad)); then
        while read -r name; do fail "$name" "see $log"; done < <(sed -n 's/^test \(.*\) \.\.\. FAILED.*/\1/p' "$log" | head -n "$bad")
    fi
    # A binary that does not compile, or that a signal ended, leaves no count behind.
    if ((code == 124)); then
        fail "cargo test" "not done after 1500 s, see $log"
    elif ((code)) && ((bad == 0)); then
        fail "cargo test" "ended with $code without naming a test, see $log"
    fi
    while IFS=$'\t' read -r name reason; do
        skip "$name" "${reason:-marked #[ignore] without a reason}"
    done < <(sed -nE 's/^test (.*) \.\.\. ignored(, (.*))?$/\1\t\3/p' "$log")
}

stage "unit, property and documentation tests" unit_tests
