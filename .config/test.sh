#!/usr/bin/env bash
# Runs everything that gates, stage by stage, and ends with one line that counts.
set -uo pipefail
. "$(dirname "$0")/common.sh"
export NO_COLOR=1 CARGO_TERM_COLOR=never
exec </dev/null

LOGS=$CARGO_TARGET_DIR/test-logs
mkdir -p "$LOGS"
passed=0 failed=0 skipped=0
summary=()

# stage NAME MINUTES COUNT COMMAND…: runs it, counts what its output says, and says how long it took.
stage() {
    local name=$1 minutes=$2 count=$3 began=$SECONDS status=0 ok=0 bad=0 left=0
    shift 3
    local log="$LOGS/${name// /-}.log"
    printf '\n== %s\n' "$name"
    timeout --kill-after=30 "${minutes}m" "$@" 2>&1 | tee "$log" || status=$?
    read -r ok bad left < <("$count" "$log" "$status")
    # What fails without a count (it did not build, it took too long) counts as one failure.
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$status" -eq 124 ]; then echo "took longer than $minutes minutes"; fi
    tell "$name" "$ok" "$bad" "$left" $((SECONDS - began))
    [ "$bad" -eq 0 ]
}

tell() {
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    local line
    line=$(printf '%-22s %5d passed, %d failed, %d skipped  %4d s' "$1" "$2" "$3" "$4" "$5")
    summary+=("$line")
    echo "== $line"
}

skip() {
    printf '\n== %s\nskipped: needs %s\n' "$1" "$2"
    tell "$1" 0 0 1 0
}

# Each prints: passed failed skipped.
count_cargo() {
    awk '/^test result: /{ for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1); if ($i ~ /^ignored/) s += $(i-1) } } END { print p+0, f+0, s+0 }' "$1"
}
count_playwright() {
    awk '$2 == "passed" && $1 ~ /^[0-9]+$/ { p = $1 } $2 == "failed" && $1 ~ /^[0-9]+$/ { f = $1 } $2 == "skipped" && $1 ~ /^[0-9]+$/ { s = $1 } $2 == "did" && $3 == "not" { s += $1 } END { print p+0, f+0, s+0 }' "$1"
}
count_vitest() {
    awk '/^ *Tests /{ for (i = 2; i <= NF; i++) { if ($i == "passed") p = $(i-1); if ($i == "failed") f = $(i-1); if ($i == "skipped") s = $(i-1) } } END { print p+0, f+0, s+0 }' "$1"
}
# Lines of our own scripts: "ok …", "FAILED …", "skipped: …".
count_lines() {
    awk '/^ok /{ p++ } /^FAILED /{ f++ } /^skipped: /{ s++ } END { print p+0, f+0, s+0 }' "$1"
}
count_whole() { if [ "$2" -eq 0 ]; then echo 1 0 0; else echo 0 1 0; fi; }
count_nothing() { echo 0 0 0; }

page_checks() {
    local step bad=0
    for step in types lint format unused; do
        if npm --prefix ui run --silent "$step"; then echo "ok $step"; else echo "FAILED $step" && bad=1; fi
    done
    return $bad
}

began=$SECONDS
export -f page_checks
targets="--lib --bins --tests --examples"

if stage "set up" 20 count_nothing "$ROOT/.config/setup.sh" test; then
    # shellcheck disable=SC2086
    if stage "build" 30 count_nothing cargo build --locked --workspace $targets; then
        # shellcheck disable=SC2086
        stage "rust" 30 count_cargo cargo test --locked --workspace --no-fail-fast $targets
    fi
    stage "page checks" 10 count_lines bash -c page_checks
    stage "page units" 10 count_vitest npm --prefix ui run --silent test
    if chromium_found >/dev/null; then
        stage "browser" 15 count_playwright npm --prefix ui run --silent e2e
        if [ -x "$DEBUG/shoal" ]; then
            stage "browser, real engines" 15 count_playwright env SHOAL="$DEBUG/shoal" npm --prefix ui run --silent e2e:real
        else
            skip "browser, real engines" "a built shoal"
        fi
    else
        skip "browser" "chromium"
    fi
    lacking=""
    for tool in Xvfb WebKitWebDriver openbox xdotool; do has "$tool" || lacking="$lacking $tool"; done
    if [ -x "$DEBUG/shoal-desktop" ] && [ -z "$lacking" ]; then
        stage "window" 10 count_lines node tests/desktop/run.mjs "$DEBUG"
    else
        skip "window" "${lacking:-a built shoal-desktop}"
    fi
    if [ -x "$DEBUG/shoal" ]; then
        stage "demo" 5 count_whole "$DEBUG/shoal" demo --headless
    else
        skip "demo" "a built shoal"
    fi
fi

printf '\n'
printf '%s\n' "${summary[@]}"
echo "$skipped skipped, $((SECONDS - began)) s in all"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
