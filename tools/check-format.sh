#!/bin/bash
# tools/check-format.sh [--fix]: are all C files laid out as .clang-format says? --fix rewrites them.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=(--dry-run --Werror)
[[ ${1:-} != --fix ]] || mode=(-i)

mapfile -t files < <(find src include tests -name '*.[ch]' | sort)
[[ ${#files[@]} -gt 0 ]] || { echo 'check-format: no C files found' >&2; exit 1; }
clang-format --style=file "${mode[@]}" "${files[@]}"

# What clang-format leaves alone.
if grep -nP '\t| +$' "${files[@]}"; then
    echo 'check-format: tabs or blanks at the end of a line' >&2
    exit 1
fi
