# The real binary from outside: docs/testing.md has the list.
# shellcheck shell=bash

# Clients, relays, servers and routers that no one here wrote. What is missing of them is skipped by the tests that need it.
peers=(isc-dhcp-client isc-dhcp-relay dibbler-client dibbler-relay wide-dhcpv6-client dhcpcd-base systemd dnsmasq-base
    kea-dhcp6-server kea-doc isc-dhcp-server dibbler-server frr bird2 nftables)

e2e_tests() {
    local log=$logs/e2e.log tally=$logs/e2e.tally code=0 verdict name reason peer workers=()
    packages tshark iproute2 iputils-ping nftables || echo "$(missing); tests that need them are skipped"
    # All at once, or else each that can be had.
    packages "${peers[@]}" || for peer in "${peers[@]}"; do packages "$peer" || echo "$(missing)"; done
    if ! packages python3 python3-pytest python3-scapy; then
        skip "end-to-end tests" "$(missing)"
        return
    fi
    if ! cargo build -q -p leasebook >"$logs/e2e-build.log" 2>&1; then
        tail -n 40 "$logs/e2e-build.log" | sed 's/^/    /'
        fail "end-to-end tests" "the binary does not build, see $logs/e2e-build.log"
        return
    fi
    # Most tests wait for someone's timers, and much of it at one time takes no more of the machine.
    if packages python3-pytest-xdist; then workers=(-n 4); else echo "$(missing); one test at a time"; fi
    rm -f "$tally"
    # Debian's own Python, which has Debian's scapy and pytest, whatever else is in PATH.
    LEASEBOOK=$target_dir/debug/leasebook LEASEBOOK_TALLY=$tally timeout --kill-after=10 900 \
        /usr/bin/python3 -m pytest -q "${workers[@]}" --no-header -p no:cacheprovider --color=no tests/e2e >"$log" 2>&1 </dev/null || code=$?
    # One line for each test, written by tests/e2e/conftest.py: verdict, name, reason.
    while IFS=$'\t' read -r verdict name reason; do
        case $verdict in
        passed) passed=$((passed + 1)) ;;
        skipped) skip "$name" "$reason" ;;
        *) fail "$name" "$reason" ;;
        esac
    done < <(cat "$tally" 2>/dev/null || true)
    if ((code)); then
        tail -n 200 "$log" | sed 's/^/    /'
        grep -q '^failed' "$tally" 2>/dev/null || fail "end-to-end tests" "pytest ended with $code, see $log"
    fi
    tail -n 1 "$log"
}

stage "end-to-end tests" e2e_tests
