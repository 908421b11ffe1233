#!/usr/bin/env bash
# Installs what is missing and builds the page: `setup.sh run` or `setup.sh test`. Silent when nothing is to be done.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
for_what=${1:-run}

packages=$PACKAGES_RUN
if [ "$for_what" = test ]; then packages="$packages $PACKAGES_TEST"; fi

install_packages() {
    if ! has apt-get; then
        say "This is neither Debian nor Ubuntu. Shoal needs the counterparts of: $packages"
        return
    fi
    missing=()
    for package in $packages; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
            *" ok installed") ;;
            *) missing+=("$package") ;;
        esac
    done
    # Ubuntu's chromium is a snap, which many machines cannot run; the tests then say what they lack.
    if [ "$for_what" = test ] && ! chromium_found >/dev/null && [ "$(. /etc/os-release && echo "$ID")" = debian ]; then
        missing+=(chromium)
    fi
    if [ ${#missing[@]} -eq 0 ]; then return; fi
    local as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        if ! has sudo; then
            say "Shoal needs packages that are not installed. As root, run:"
            say "    apt-get install -y --no-install-recommends ${missing[*]}"
            exit 1
        fi
        as_root=sudo
    fi
    say "Installing with ${as_root:+sudo }apt-get: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -qq </dev/null >&2 || true
    if ! $as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2; then
        say "Some packages could not be installed; what needs them will say so."
    fi
}

check_tools() {
    local found
    found=$(rust_found || true)
    if [ -z "$found" ] || ! at_least "$RUST_LEAST" "$found"; then
        say "Shoal needs Rust $RUST_LEAST or newer; found: ${found:-none}. To mend:"
        say "    $(rust_mend)"
        exit 1
    fi
    found=$(node_found || true)
    if [ -z "$found" ] || ! at_least "$NODE_LEAST" "$found" || ! has npm; then
        say "Shoal needs Node $NODE_LEAST or newer with npm; found: ${found:-none}. To mend:"
        say "    $(node_mend)"
        exit 1
    fi
}

mkdir -p "$STAMPS"
stamp=$STAMPS/needs-$for_what
if [ ! -e "$stamp" ] || [ .config/common.sh -nt "$stamp" ] || [ .config/setup.sh -nt "$stamp" ]; then
    install_packages
    check_tools
    touch "$stamp"
fi

lock=$(sha256sum ui/package-lock.json | cut -d ' ' -f 1)
if [ "$(cat ui/node_modules/.shoal-lock 2>/dev/null)" != "$lock" ]; then
    say "Installing the page's packages"
    npm --prefix ui ci --ignore-scripts --no-audit --no-fund >&2
    printf '%s' "$lock" >ui/node_modules/.shoal-lock
fi

# The page is part of both programs, so it must be there before they are built.
page=ui/dist/index.html
sources="ui/src ui/public ui/index.html ui/vite.config.ts ui/svelte.config.js ui/package-lock.json"
# shellcheck disable=SC2086
if [ ! -e "$page" ] || [ -n "$(find $sources -newer "$page" -print -quit)" ]; then
    say "Building the page"
    npm --prefix ui run --silent build -- --logLevel warn >&2
fi
