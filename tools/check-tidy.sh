#!/bin/bash
# tools/check-tidy.sh BUILD [FILE...]: clang-tidy over src/ and tests/harness/ (or the files named), every warning an
# error. BUILD is a configured build folder (its compile_commands.json says how each file is compiled).
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:?usage: tools/check-tidy.sh BUILD [FILE...]}
shift
[[ -f $build/compile_commands.json ]] || { echo "check-tidy: $build is not configured" >&2; exit 1; }
if [[ $# == 0 ]]; then
    # Largest first, so that the last ones to run are short.
    mapfile -t files < <(find src tests/harness -name '*.c' -printf '%s %p\n' | sort -rn | cut -d' ' -f2)
    set -- "${files[@]}"
fi
[[ $# -gt 0 ]] || { echo 'check-tidy: no C files found' >&2; exit 1; }

# The analyser should know what is asserted; gcc's own options mean nothing to clang; "N warnings generated" counts what
# was filtered out.
printf '%s\0' "$@" |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet \
        --extra-arg=-UNDEBUG --extra-arg=-Wno-unknown-warning-option 2> >(grep -vE '^[0-9]+ warnings? (generated|treated)' >&2)
