# Every benchmark in miniature: that it runs, not how fast. benches/ tells how to measure.
# shellcheck shell=bash

bench_smoke() {
    if ! cargo build -q -p leasebook-bench >"$logs/bench-build.log" 2>&1; then
        fail "benchmarks" "they do not build, see $logs/bench-build.log"
    elif [[ $("$target_dir/debug/leasebook-bench" --help 2>/dev/null || true) != *--smoke* ]]; then
        skip "benchmarks" "leasebook-bench has no --smoke yet"
    else
        check "benchmarks in miniature" 300 "$target_dir/debug/leasebook-bench" --smoke
    fi
}

stage "benchmarks in miniature" bench_smoke
