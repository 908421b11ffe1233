#!/usr/bin/env bash
# Builds Shoal and opens its window; without a display it serves the page and prints the address.
set -euo pipefail
. "$(dirname "$0")/common.sh"
"$(dirname "$0")/setup.sh" run

if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && webkit_found >/dev/null; then
    cargo build --locked -p shoal-desktop -p shoal-cli
    exec "$DEBUG/shoal-desktop" "$@"
fi
cargo build --locked -p shoal-cli
say "There is no display here. Open the address below in a browser on this computer; from afar, through an SSH tunnel."
exec "$DEBUG/shoal" serve "$@"
