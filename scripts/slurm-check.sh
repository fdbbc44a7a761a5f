#!/usr/bin/env bash
# Follows docs/cluster.md, "With Slurm", on a one-node Slurm of this machine (scripts/slurm-node.sh): hands an
# experiment in as arrays, kills a task, launches again, cancels it, launches again, and compares the artifacts with those
# of a local run. Ends all daemons.
#
#   scripts/slurm-check.sh [CONFIG [--set PATH=VALUE]…]
#
# The configuration needs a stage "teacher" that takes some seconds. Needs munged, slurmctld and slurmd; says so and ends with 69 if they
# aren't there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repository=$PWD

config=$(realpath "${1:-configs/mini/smoke.json}")
settings=("${@:2}")
d3llm=$repository/.build/release/d3llm
PATH=$PATH:/usr/sbin:/sbin
for program in munged slurmctld slurmd sbatch; do
    command -v "$program" >/dev/null || {
        echo "$program isn't here. On Debian: apt-get install munge slurmctld slurmd slurm-client" >&2
        exit 69
    }
done

folder=$(mktemp -d "${TMPDIR:-/tmp}/d3llm-slurm.XXXXXX")
cleanup() {
    local code=$?
    "$repository/scripts/slurm-node.sh" stop "$folder/node" || true
    if [ "$code" = 0 ]; then rm -rf "$folder"; else echo "What is left lies in $folder." >&2; fi
    exit "$code"
}
trap cleanup EXIT

name=$("$d3llm" config show "$config" 2>/dev/null | sed -n 's/^  "name": "\(.*\)",\{0,1\}$/\1/p' | head -n 1)
local_store=$folder/local
echo "== A run on this machine"
"$d3llm" run "$config" "${settings[@]}" --store "$local_store" --no-forecast >"$folder/local.txt" 2>&1 || {
    tail "$folder/local.txt"
    exit 1
}

echo "== A Slurm of one node"
eval "$("$repository/scripts/slurm-node.sh" start "$folder/node")"
sinfo --noheader --format='%P %D node, %T, %c CPUs'
# The home folder is the test's own, so that no site file of this user is read.
export HOME=$folder/home
mkdir -p "$HOME/.config/d3llm"
cat >"$HOME/.config/d3llm/site.json" <<'JSON'
{
  "partition": "main", "time": "00:30:00", "cpusPerTask": 1,
  "environment": ["OMP_NUM_THREADS=1"]
}
JSON
store=$folder/'shared store'
launch() { "$d3llm" launch slurm "$config" "${settings[@]}" --store "$store" "$@"; }
status() { "$d3llm" launch status "$config" "${settings[@]}" --store "$store"; }
count() { status | sed -n 's/^[^ ]*: [0-9]* stages\(.*\)\.$/\1/p' | grep -o "[0-9]* $1" | cut -d' ' -f1 || true; }
fail() {
    echo "$1" >&2
    status >&2
    exit 1
}
wait_until() { # SECONDS WHAT COMMAND…
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "$what: not within the time allowed."
        sleep 0.5
    done
}
is_quiet() { [ -z "$(squeue --noheader --states=PENDING,RUNNING,COMPLETING,CONFIGURING)" ]; }
job_of() { status | sed -n "s/^$1  *running  *\([0-9_]*\).*/\1/p"; }
has_checkpoint() { [ -n "$(find "$store/.work" -type f -size +0 2>/dev/null | head -n 1)" ]; }

echo "== Handed in as arrays"
launch --print >"$folder/printed.txt"
launch
launch | grep -qx 'There is nothing to hand in.' || fail "A second launch handed something in."

echo "== A running task is killed without warning"
teacher_runs() { [ -n "$(job_of teacher)" ]; }
wait_until 120 "the teacher starts" teacher_runs
wait_until 300 "the teacher has a checkpoint" has_checkpoint
killed=$(pgrep -f -- "--only teacher --store $store" || true)
[ -n "$killed" ] || fail "No process of the teacher was found."
# The script and the command, as a node that dies would end them.
for process in $killed; do kill -9 "$process" 2>/dev/null || true; done
wait_until 120 "the queue is empty after the kill" is_quiet
status
[ -n "$(count failed)" ] || fail "The killed task isn't said to have failed."

echo "== Launched again"
launch
grep -rq 'teacher: going on from' "$store/$name/launches" || wait_until 60 "the teacher goes on" \
    grep -rqs 'teacher: going on from' "$store/$name/launches"

echo "== A running task is cancelled"
# scancel lets it save; what needs it is taken out of the queue by Slurm.
scancel "$(job_of teacher)"
wait_until 120 "the queue is empty after scancel" is_quiet
grep -rqs 'Interrupted at stage "teacher"' "$store/$name/launches" || fail "The cancelled task didn't stop at a safe point."
launch
wait_until 1200 "all jobs end" is_quiet
[ -z "$(count failed)$(count lost)$(count running)$(count waiting)" ] || fail "Not everything was made."
status | head -n 1
launch | grep -qx 'There is nothing to hand in.' || fail "A launch of what is done handed something in."

echo "== The same artifacts as on this machine"
listing() { # STORE
    (
        cd "$1/$name"
        find . -type f ! -name artifact.json ! -path './runs/*' ! -path './launches/*' ! -path './determinism/*' -print0 |
            sort -z | xargs -0 sha256sum
        find . -name artifact.json -print0 | sort -z | xargs -0 grep '^  "fingerprint"'
    )
}
listing "$local_store" >"$folder/local.sums"
listing "$store" >"$folder/slurm.sums"
diff "$folder/local.sums" "$folder/slurm.sums" || fail "The artifacts differ."
echo "$(grep -c fingerprint "$folder/slurm.sums") fingerprints and $(grep -vc fingerprint "$folder/slurm.sums") files are the same."
left=$(find "$store/.work" "$store/.tmp" -mindepth 1 2>/dev/null | head -n 1)
[ -z "$left" ] || fail "$left is left over."

if "$d3llm" launch slurm "$config" "${settings[@]}" --store "$folder/ranks" --mpi --ntasks 2 >"$folder/ranks.txt" 2>&1; then
    echo "== As one MPI job"
    wait_until 1200 "the MPI job ends" is_quiet
    listing "$folder/ranks" >"$folder/ranks.sums"
    diff "$folder/local.sums" "$folder/ranks.sums" || fail "The artifacts of the MPI job differ."
else
    echo "== As one MPI job: skipped. $(head -n 1 "$folder/ranks.txt")"
fi
echo "All of it holds; $SECONDS seconds."
