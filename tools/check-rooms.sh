#!/bin/bash
# tools/check-rooms.sh: the rules of the house that a grep can see.
#   1. a room includes only its own header and those of rooms above it
#   2. MPI is called only in *_mpi.c, src/data, src/run and main.c; MPI_COMM_WORLD stands in main.c alone
#   3. nothing is left to do: no notes to oneself
#   4. no functions that write without knowing how far, or parse without saying whether they could
#   5. no #if 0, no fast-math
#   6. (a warning) no function over 80 lines
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob globstar

rooms=(base manifest plan data pairs slices dense measures results run bench)
declare -A place
for i in "${!rooms[@]}"; do place[${rooms[i]}]=$i; done
# The halves of base, pairs and bench that need MPI, and the kernels, have headers of their own.
place[comm]=${place[base]} place[stop]=${place[base]} place[signals]=${place[base]} place[place]=${place[base]} place[kernels]=${place[pairs]} place[ring]=${place[pairs]} place[kdtree]=${place[pairs]} place[anchors]=${place[pairs]} place[class_lists]=${place[pairs]} place[moments]=${place[pairs]} place[layout]=${place[dense]} place[status]=${place[results]} place[rounds]=${place[bench]}

faults=0
fault() {
    printf '%s\n' "$*"
    faults=$((faults + 1))
}

# The lines of files without comments and string contents: "file:line:text".
code() {
    awk '
        FNR == 1 { inside = 0 }
        {
            line = $0
            gsub(/\\./, "", line)
            if (line !~ /^[ \t]*#/) gsub(/"[^"]*"/, "\"\"", line)
            out = ""
            while (line != "") {
                if (inside) {
                    end = index(line, "*/")
                    if (!end) break
                    line = substr(line, end + 2); inside = 0
                } else {
                    begin = index(line, "/*"); slashes = index(line, "//")
                    if (slashes && (!begin || slashes < begin)) { out = out substr(line, 1, slashes - 1); break }
                    if (!begin) { out = out line; break }
                    out = out substr(line, 1, begin - 1)
                    line = substr(line, begin + 2); inside = 1
                }
            }
            if (out != "") print FILENAME ":" FNR ":" out
        }' "$@"
}

# Every line of standard input is a fault of the kind named.
each() {
    local hit
    while IFS= read -r hit; do fault "$hit   <- $1"; done
}

check_room() {
    local room=$1 own=${place[$1]} hit other
    shift
    [[ $# -gt 0 ]] || return 0
    while IFS= read -r hit; do
        other=$(sed -E 's/.*[<"]infostrata\/([a-z0-9_]+)\.h[>"].*/\1/' <<<"$hit")
        if [[ -z ${place[$other]:-} ]]; then
            fault "$hit   <- infostrata/$other.h is not a room's header"
        elif [[ ${place[$other]} -gt $own ]]; then
            fault "$hit   <- $room may not include $other, a room below it"
        fi
    done < <(grep -nH '^ *# *include *[<"]infostrata/' "$@")
    each 'a room includes no file of another room' < <(grep -nHE '^ *# *include *".*(\.\./|src/)' "$@")
}

for room in "${rooms[@]}"; do
    check_room "$room" src/"$room"/**/*.[ch] src/"$room"/**/*.def
done
for file in include/infostrata/*.h; do
    name=$(basename "$file" .h)
    if [[ -n ${place[$name]:-} ]]; then
        check_room "$name" "$file"
    else
        fault "$file: not a room's header (rooms: ${rooms[*]})"
    fi
done
for folder in src/*/; do
    name=$(basename "$folder")
    [[ -n ${place[$name]:-} ]] || fault "$folder: not a room (rooms: ${rooms[*]})"
done

sources=(src/**/*.[ch] include/**/*.h)
if [[ ${#sources[@]} -gt 0 ]]; then
    serial=()
    for file in src/**/*.c; do
        [[ $file == *_mpi.c || $file == src/data/* || $file == src/run/* || $file == src/main.c ]] || serial+=("$file")
    done
    [[ ${#serial[@]} == 0 ]] ||
        each 'MPI outside the files named for it' < <(code "${serial[@]}" | grep -E '\bP?MPI_[A-Z]|mpi\.h')
    each 'MPI_COMM_WORLD outside main.c' < <(code "${sources[@]}" | grep -w MPI_COMM_WORLD | grep -v '^src/main\.c:')
    each 'a function with a safer sibling' < <(code "${sources[@]}" |
        grep -E '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|alloca|tmpnam|mktemp)\(')
    each 'code that is switched off' < <(code "${sources[@]}" | grep -E ':[ \t]*# *if +0\b')
    awk '
        FNR == 1 { start = 0 }
        /^{/ { start = FNR }
        /^}/ { if (start && FNR - start > 81) printf "%s:%d: warning: function of %d lines\n", FILENAME, start, FNR - start - 1
               start = 0 }' src/**/*.c
fi
todo='TO''DO|FIX''ME|X''XX'
each 'not finished' < <(grep -rnwIE "$todo" --include='*.[ch]' --include='*.def' --include='*.py' --include='*.sh' \
    --include='*.yaml' --include='*.cmake' --include='CMakeLists.txt' \
    src include tests tools jobs analysis cmake CMakeLists.txt 2>/dev/null | grep -v 'XXXX')
each 'results would not be exact' < <(grep -nE '^[^#]*(-ffast-math|-Ofast|-funsafe-math)' CMakePresets.json \
    tests/CMakeLists.txt CMakeLists.txt 2>/dev/null)

if [[ $faults -gt 0 ]]; then
    printf 'check-rooms: %d faults\n' "$faults"
    exit 1
fi
