#!/usr/bin/env bash
# Two FUSE mounts of one folder stand for two machines that share a store: locks of the kernel aren't seen through the
# other mount, and each caches what it has seen. One process on each makes the same experiment; one is killed, one stands
# still for longer than its lease and goes on. The artifacts have to be those of an undisturbed run on a plain disk.
#
#   scripts/lease-check.sh [CONFIG]
#
# Needs bindfs (apt-get install bindfs) and the right to mount; says so and ends with 69 otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
d3llm=$PWD/.build/release/d3llm
config=$(realpath "${1:-Tests/Fixtures/experiments/micro.json}")
command -v bindfs >/dev/null || {
    echo "bindfs isn't here. On Debian: apt-get install bindfs" >&2
    exit 69
}
folder=$(mktemp -d "${TMPDIR:-/tmp}/d3llm-lease.XXXXXX")
mkdir "$folder/disk" "$folder/one" "$folder/two"
cleanup() {
    local code=$?
    for process in "${pids[@]:-}"; do
        if [ -n "$process" ]; then kill -CONT "$process" 2>/dev/null && kill -9 "$process" 2>/dev/null || true; fi
    done
    for mount in one two; do fusermount -u "$folder/$mount" 2>/dev/null || umount "$folder/$mount" 2>/dev/null || true; done
    if [ "$code" = 0 ]; then rm -rf "$folder"; else echo "What is left lies in $folder." >&2; fi
    exit "$code"
}
pids=()
trap cleanup EXIT
for mount in one two; do
    bindfs --no-allow-other "$folder/disk" "$folder/$mount" || {
        echo "No right to mount." >&2
        exit 69
    }
done
export D3LLM_LEASE_SECONDS=4
slow=(--set stages.teacher.model.width=128 --no-forecast)
# In the background only: the process id is that of the program itself.
run() { exec "$d3llm" run "$config" --store "$folder/$1/store" "${slow[@]}" "${@:2}"; }
fail() {
    echo "$1" >&2
    tail --lines=15 "$folder"/*.log >&2
    exit 1
}
wait_for() { # LOG TEXT
    for _ in $(seq 1200); do
        if grep -qs -- "$2" "$folder/$1.log"; then return; fi
        sleep 0.1
    done
    fail "\"$2\" is not in the log $1."
}

echo "== flock through one mount isn't seen through the other"
touch "$folder/one/probe"
flock "$folder/one/probe" flock --nonblock "$folder/two/probe" true && echo "It isn't."
rm "$folder/one/probe"

echo "== One process on each mount"
run one >"$folder/out" 2>"$folder/a.log" & pids+=($!)
run two >"$folder/out2" 2>"$folder/b.log" & pids+=($!)
wait_for a "teacher: "
first=${pids[0]} second=${pids[1]} maker=a
grep -q 'teacher: started' "$folder/a.log" || { first=${pids[1]} second=${pids[0]} maker=b; }
wait_for "$maker" "teacher: started"
sleep 1
echo "== The one that makes the teacher stands still, and goes on when the other has taken over"
kill -STOP "$first"
other=$([ "$maker" = a ] && echo b || echo a)
wait_for "$other" "teacher: going on from"
kill -CONT "$first"
wait_for "$maker" "The lease on its artifact was lost"
echo "== The one that has it now is killed"
kill -9 "$second"
wait "$first" || fail "The process that stood still didn't end well."
pids=()

echo "== The same artifacts as on a plain disk"
"$d3llm" run "$config" --store "$folder/plain" --store-locks flock "${slow[@]}" >/dev/null 2>"$folder/c.log"
listing() { (cd "$1" && find . -type f ! -name artifact.json ! -path '*/runs/*' ! -path './.*' -print0 | sort -z | xargs -0 sha256sum); }
listing "$folder/plain" >"$folder/plain.sums"
listing "$folder/disk/store" >"$folder/shared.sums"
diff "$folder/plain.sums" "$folder/shared.sums" || fail "They differ."
echo "$(wc -l <"$folder/shared.sums") files are the same."
[ "$(ls "$folder/disk/store/.locks")" = leases ] || fail "Leases are left: $(ls "$folder/disk/store/.locks")"
[ -z "$(find "$folder/disk/store/.work" "$folder/disk/store/.tmp" -mindepth 1)" ] || fail "Work is left."
echo "All of it holds; $SECONDS seconds."
