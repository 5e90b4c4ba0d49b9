# Every benchmark in miniature: that it runs, not how fast. benches/ tells how to measure.
# shellcheck shell=bash

bench_smoke() {
    local bench="$target_dir/debug/leasebook-bench"
    if ! cargo build -q -p leasebook-bench -p leasebook >"$logs/bench-build.log" 2>&1; then
        fail "benchmarks" "they do not build, see $logs/bench-build.log"
        return
    fi
    check "benchmarks in miniature" 300 "$bench" --smoke
    if unshare --net true 2>/dev/null; then
        check "benchmark of routes in miniature" 60 "$bench" routes --smoke
    else
        skip "benchmark of routes in miniature" "network namespaces are not permitted here"
    fi
}

stage "benchmarks in miniature" bench_smoke
