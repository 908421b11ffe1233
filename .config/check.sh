#!/usr/bin/env bash
# Format, lints, types, unused code, and dependencies where cargo-deny is installed.
set -uo pipefail
. "$(dirname "$0")/common.sh"
"$(dirname "$0")/setup.sh" run || exit 1

failed=()
try() {
    local name=$1
    shift
    say "== $name"
    "$@" || failed+=("$name")
}

try "format of Rust" cargo fmt --all --check
try "lints of Rust" cargo clippy --locked --workspace --all-targets -- -D warnings
for step in types lint format unused; do
    try "$step of the page" npm --prefix ui run --silent "$step"
done
if has cargo-deny; then
    try "dependencies" cargo deny --locked --all-features check
else
    say "== dependencies: skipped, needs cargo-deny"
fi
if [ ${#failed[@]} -gt 0 ]; then
    say "Not in order: $(printf '%s; ' "${failed[@]}")"
    exit 1
fi
