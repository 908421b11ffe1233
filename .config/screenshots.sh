#!/usr/bin/env bash
# Takes pictures: every screen from the mock into ui/shots, the real window into .pictures.
set -euo pipefail
. "$(dirname "$0")/common.sh"
"$(dirname "$0")/setup.sh" test
npm --prefix ui run --silent screenshots
cargo build --locked -p shoal-desktop -p shoal-cli --bins --examples
SHOAL_PICTURES=$ROOT/.pictures node tests/desktop/run.mjs "$DEBUG"
