# What the other scripts share: where things are built, and what Shoal needs. Read by bash, not run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1

# A build machine keeps its output from one clone to the next.
if [ "${CI:-}" = true ]; then
    cache=${SHOAL_CACHE:-${HOME:-/root}/.cache/shoal-ci}
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
    export npm_config_cache=${npm_config_cache:-$cache/npm}
    export CARGO_INCREMENTAL=0
fi
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}
export PATH="$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"
DEBUG=$CARGO_TARGET_DIR/debug
STAMPS=$CARGO_TARGET_DIR/stamps

RUST_LEAST=1.90
NODE_LEAST=20.19

# Debian and Ubuntu packages: to build and run, and on top of that to test the window and the page.
PACKAGES_RUN="build-essential pkg-config curl ca-certificates libwebkit2gtk-4.1-dev"
PACKAGES_TEST="xvfb xauth webkit2gtk-driver openbox xdotool x11-utils imagemagick fonts-dejavu-core dbus-x11 procps strace"

say() { printf '%s\n' "$*" >&2; }

has() { command -v "$1" >/dev/null 2>&1; }

# at_least 1.90 1.95.0: is the second version the first or newer?
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

rust_found() { rustc --version 2>/dev/null | cut -d ' ' -f 2; }

node_found() { node --version 2>/dev/null | tr -d v; }

chromium_found() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

webkit_found() { pkg-config --modversion webkit2gtk-4.1 2>/dev/null; }

rust_mend() {
    if has rustup; then
        echo "rustup update stable"
    else
        echo "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env"
    fi
}

node_mend() {
    echo "install Node 22 from https://nodejs.org/en/download (a distribution's own may be too old)"
}
