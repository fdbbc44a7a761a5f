#!/usr/bin/env bash
# Compare a run's artifacts with digests that were recorded on another machine, or record them:
#   scripts/check-digests.sh STORE EXPERIMENT FILE           compare
#   scripts/check-digests.sh STORE EXPERIMENT FILE record    write FILE
# FILE has a line "SHA-256  STAGE/PATH" for each file of each artifact that the experiment's newest run used. The bytes
# are the same on every x86-64 CPU with AVX2 and fused multiply-adds; on others it says so and passes.
set -euo pipefail
store=${1:?a store} experiment=${2:?an experiment} file=${3:?a file of digests} mode=${4:-compare}

if [ "$(uname -m)" != x86_64 ] || ! grep -qw fma /proc/cpuinfo || ! grep -qw avx2 /proc/cpuinfo; then
    echo "check-digests: this CPU has no AVX2 with fused multiply-adds, so its results may differ from those in $file in their last bits. Nothing was compared."
    exit 0
fi

digests() {
    python3 - "$store" "$experiment" <<'END'
import json, os, sys
store, experiment = sys.argv[1:3]
runs = os.path.join(store, experiment, "runs")
names = os.listdir(runs) if os.path.isdir(runs) else []
newest = max((r for r in names if os.path.exists(os.path.join(runs, r, "run.json"))), default=None)
if newest is None:
    sys.exit(f"check-digests: {runs} has no finished run. Run the experiment first.")
lines = set()
for stage in json.load(open(os.path.join(runs, newest, "run.json")))["stages"]:
    if not stage.get("artifact"):
        continue
    record = json.load(open(os.path.join(store, stage["artifact"], "artifact.json")))
    for entry in record["files"]:
        lines.add((f"{record['stage']}/{entry['path']}", entry["sha256"]))
for name, digest in sorted(lines):
    print(f"{digest}  {name}")
END
}

if [ "$mode" = record ]; then
    digests >"$file.new"
    mv "$file.new" "$file"
    echo "check-digests: $(wc -l <"$file") digests are in $file."
    exit 0
fi
if [ ! -e "$file" ]; then
    echo "check-digests: $file isn't there, so that nothing was compared. Record it: $0 $store $experiment $file record"
    exit 0
fi
found=$(digests)
if ! difference=$(diff <(printf '%s\n' "$found") "$file"); then
    echo "check-digests: the newest run of $experiment in $store gave other bytes than $file records:" >&2
    printf '%s\n' "$difference" | sed -n 's/^[<>] [0-9a-f]*  /  /p' | sort -u | head -n 10 >&2
    echo "Results changed, or a kernel sums in another order here. If the change is meant, record them anew: $0 $store $experiment $file record" >&2
    exit 1
fi
echo "check-digests: all $(wc -l <"$file") files of the newest run of $experiment are the bytes that $file records."
