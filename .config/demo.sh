#!/usr/bin/env bash
# Two people on one computer: `demo.sh`, or with HEADLESS=1 without a window.
set -euo pipefail
. "$(dirname "$0")/common.sh"
"$(dirname "$0")/setup.sh" run
cargo build --locked -p shoal-cli
if [ "${HEADLESS:-}" = 1 ]; then set -- --headless "$@"; fi
exec "$DEBUG/shoal" demo "$@"
