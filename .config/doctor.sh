#!/usr/bin/env bash
# Says what Shoal needs to be built, run and tested, what was found, and how to mend what is missing.
set -uo pipefail
. "$(dirname "$0")/common.sh"

missing=0

# row NAME FOUND MEND
row() {
    if [ -n "$2" ]; then
        printf '  ok       %-22s %s\n' "$1" "$2"
    else
        printf '  missing  %-22s mend: %s\n' "$1" "$3"
        missing=$((missing + 1))
    fi
}

new_enough() { if [ -n "$2" ] && at_least "$1" "$2"; then echo "$2"; fi; }

apt() { echo "apt-get install -y --no-install-recommends $*"; }

echo "To build and run:"
row "Rust >= $RUST_LEAST" "$(new_enough "$RUST_LEAST" "$(rust_found)")" "$(rust_mend)"
row "Node >= $NODE_LEAST" "$(new_enough "$NODE_LEAST" "$(node_found)")" "$(node_mend)"
row "C compiler" "$(command -v cc)" "$(apt build-essential)"
row "WebKitGTK 4.1" "$(webkit_found)" "$(apt libwebkit2gtk-4.1-dev) (the command line and the browser page work without)"
row "display" "${WAYLAND_DISPLAY:-${DISPLAY:-}}" "none needed: without one, make run serves the page to a browser"
echo "To test the page in a browser:"
row "Chromium" "$(chromium_found)" "$(apt chromium)"
echo "To test the window:"
for tool in Xvfb:xvfb WebKitWebDriver:webkit2gtk-driver openbox:openbox xdotool:xdotool; do
    row "${tool%%:*}" "$(command -v "${tool%%:*}")" "$(apt "${tool##*:}")"
done
echo "To test the program under attack:"
row "strace" "$(command -v strace)" "$(apt strace) (without it, programs are killed at random moments only)"
echo "For make check, if there:"
row "cargo-deny" "$(cargo-deny --version 2>/dev/null)" "cargo install --locked cargo-deny"
echo
echo "$missing missing. What is in the way of a running Shoal: shoal doctor"
