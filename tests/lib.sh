# What the parts of ./test share: counting, skipping, timing, packages. Sourced by ./test, never run by itself.
# shellcheck shell=bash

passed=0
failed=0
skips=()
failures=()
times=()
target_dir=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target_dir
export PYTHONDONTWRITEBYTECODE=1
logs=$target_dir/test-logs
mkdir -p "$logs"

heading() { printf '\n== %s\n' "$*"; }

# pass NAME
pass() {
    passed=$((passed + 1))
    echo "ok      $1"
}

# fail NAME WHAT
fail() {
    failed=$((failed + 1))
    failures+=("$1: $2")
    echo "FAILED  $1: $2"
}

# skip NAME REASON
skip() {
    skips+=("$1: $2")
    echo "skipped $1: $2"
}

# check NAME LIMIT COMMAND...: one test is one command that ends well within LIMIT seconds; its output is shown if not.
check() {
    local name=$1 limit=$2 log start=$SECONDS
    shift 2
    log=$logs/${name//[^a-z0-9-]/-}.log
    if timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1 </dev/null; then
        pass "$name ($((SECONDS - start)) s)"
    else
        local code=$?
        grep -vE '^ *(Checking|Compiling|Documenting|Downloading|Downloaded|Finished|Generated) ' "$log" | tail -n 120 | sed 's/^/    /'
        ((code == 124)) && fail "$name" "not done after $limit s" || fail "$name" "\`$*\` ended with $code; all of its output is in $log"
    fi
}

# stage NAME FUNCTION: runs the function under a heading and takes its time.
stage() {
    local start=$SECONDS
    heading "$1"
    "$2"
    times+=("$(printf '%5d s  %s' $((SECONDS - start)) "$1")")
}

# without_services COMMAND...: runs it while no package may start its daemon, which on the machine's own network would be heard by others.
without_services() (
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    "$@"
)

# packages NAME...: makes sure that these Debian packages are there; returns 1 and says which are not.
missing_packages=""
packages() {
    local name
    missing_packages=""
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing_packages+=" $name"
    done
    [[ -n $missing_packages ]] || return 0
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        echo "installing Debian packages:$missing_packages"
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086  # a list of names
        if { timeout 300 apt-get -qq update && without_services timeout 600 apt-get -qq install -y --no-install-recommends $missing_packages; } \
            >"$logs/apt.log" 2>&1 </dev/null; then
            missing_packages=""
            return 0
        fi
        tail -n 5 "$logs/apt.log" | sed 's/^/    /'
    fi
    return 1
}

# What to say when packages are missing.
missing() { echo "Debian packages missing:$missing_packages (as root, ./test installs them)"; }

# The closing lines: time by part, what was skipped and why, what failed, and the count.
finish() {
    heading "result"
    printf '%s\n' "${times[@]}"
    local line
    for line in "${skips[@]}"; do echo "skipped $line"; done
    for line in "${failures[@]}"; do echo "FAILED  $line"; done
    echo "$passed passed, $failed failed, ${#skips[@]} skipped"
    ((failed == 0))
}
