#!/usr/bin/env bash
# Two people on one computer: in two windows, in two pages where there is no display, or told only (HEADLESS=1).
set -euo pipefail
. "$(dirname "$0")/common.sh"
"$(dirname "$0")/setup.sh" run
if [ "${HEADLESS:-}" = 1 ]; then
    set -- --headless "$@"
    cargo build --locked -p shoal-cli
elif [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && webkit_found >/dev/null; then
    cargo build --locked -p shoal-desktop -p shoal-cli
else
    cargo build --locked -p shoal-cli
fi
exec "$DEBUG/shoal" demo "$@"
