#!/bin/bash
# tools/check-faults.sh: docs/reliability.md has every fault of the matrix, and names only tests that there are.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
page=docs/reliability.md
faults=0
fault() {
    printf '%s: %s\n' "$page" "$1"
    faults=$((faults + 1))
}

rows=$(grep -E '^\| F[0-9]{2} \|' "$page")
for id in $(seq -f 'F%02.0f' 1 16) F18 F19 F20 $(seq -f 'F%02.0f' 24 38) $(seq -f 'F%02.0f' 40 45) F49 F50; do
    count=$(grep -c "^| $id |" <<<"$rows")
    [[ $count == 1 ]] || fault "$id has $count rows in the matrix, not 1"
    grep "^| $id |" <<<"$rows" | grep -qE '\| [^|]*`[^|]*\|$' || fault "$id names no test"
done

tests=$(grep -rhoE '^(Parameterized)?Test\(.*' tests --include='*.c' |
    sed -E 's/^Test\((\w+), *(\w+).*/\1\/\2/; s/^ParameterizedTest\(.*, *(\w+), *(\w+)[,)].*/\1\/\2/')
names=0
while IFS= read -r name; do
    names=$((names + 1))
    case $name in
    'ranks: '*) grep -qrwF "${name#ranks: }" tests/ranks --include='check_*.c' || fault "no rank check ${name#ranks: }" ;;
    'slurm: '*) grep -qwF "${name#slurm: }" tests/slurm/suite.sh || fault "no Slurm test ${name#slurm: }" ;;
    *'/*') grep -q "^${name%\*}" <<<"$tests" || fault "no test $name" ;;
    *) grep -qxF "$name" <<<"$tests" || fault "no test $name" ;;
    esac
done < <(grep -oE '`((ranks|slurm): \w+|[a-z_0-9]+/(\w+|\*))`' "$page" | tr -d '`' | grep -vE '^(tests|docs|tools)/' | sort -u)
[[ $names -gt 60 ]] || fault "names only $names tests: is this still the page?"

if [[ $faults -gt 0 ]]; then exit 1; fi
printf '%d tests are named, and there\n' "$names"
