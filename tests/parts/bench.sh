# Every benchmark in miniature: that it runs, not how fast. benches/ tells how to measure.
# shellcheck shell=bash

bench_smoke() {
    local bench="$target_dir/debug/leasebook-bench"
    if ! cargo build -q -p leasebook-bench -p leasebook >"$logs/bench-build.log" 2>&1; then
        fail "benchmarks" "they do not build, see $logs/bench-build.log"
        return
    fi
    check "benchmarks in miniature" 300 "$bench" --smoke
    if ! unshare --net true 2>/dev/null; then
        skip "benchmarks in namespaces" "network namespaces are not permitted here"
        return
    fi
    packages kea-dhcp6-server kea-admin isc-dhcp-relay dibbler-relay ||
        skip "peers in benchmarks" "$(missing); our side runs alone"
    local name
    for name in routes dhcp dhcp-bulk dhcp-large relaying; do
        check "benchmark $name in miniature" 60 "$bench" "$name" --smoke
    done
}

stage "benchmarks in miniature" bench_smoke
