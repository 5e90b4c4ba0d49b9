# What can be told without running the product.
# shellcheck shell=bash

lint_sources() {
    check "formatting" 60 cargo fmt --all --check
    check "formatting of fuzz targets" 60 cargo fmt --manifest-path fuzz/Cargo.toml --check
    check "lock file is current" 120 cargo metadata --locked --format-version 1
    check "clippy" 1200 cargo clippy --workspace --all-targets --keep-going -- -D warnings
    # Private items are always documented here, so public ones may link to them.
    check "rustdoc" 900 env RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" \
        cargo doc --workspace --no-deps --document-private-items --keep-going
    check "layers" 60 tests/layers
    check "conformance page" 600 cargo run -q -p leasebook-conformance -- --check
    if packages codespell; then
        check "spelling" 60 codespell
    else
        skip "spelling" "$(missing)"
    fi
}

# cargo-deny is not packaged by Debian: taken as it is found, else built once into the target folder.
lint_dependencies() {
    local deny
    deny=$(command -v cargo-deny || true)
    if [[ -z $deny ]]; then
        deny=$target_dir/tools/bin/cargo-deny
        if [[ ! -x $deny ]]; then
            echo "building cargo-deny (some minutes, once)"
            CARGO_TARGET_DIR=$target_dir/tools/build timeout "${DENY_BUILD_SECONDS:-600}" \
                cargo install cargo-deny --locked --root "$target_dir/tools" >"$logs/cargo-deny.log" 2>&1 </dev/null || true
            rm -rf "$target_dir/tools/build"
        fi
    fi
    if [[ -x $deny ]]; then
        check "licences, bans and sources of dependencies" 120 "$deny" --all-features check bans licenses sources
    else
        skip "licences, bans and sources of dependencies" "cargo-deny is neither installed nor could it be built, see $logs/cargo-deny.log"
    fi
}

stage "lint: sources" lint_sources
stage "lint: dependencies" lint_dependencies
