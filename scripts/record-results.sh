#!/usr/bin/env bash
# Copy what a run found from the store to an experiment's folder, to be committed:
#   scripts/record-results.sh STORE/EXPERIMENT experiments/NAME/results
# Takes the newest table artifact and the record of the newest run. Nothing is edited on the way.
set -euo pipefail
source=${1:?the experiment\'s folder in the store, for example store/mini/table1}
target=${2:?the folder to copy to, for example experiments/mini-table1/results}

newest() { ls -td "$@" 2>/dev/null | head -n 1; }
table=$(newest "$source"/table-*)
run=$(newest "$source"/runs/*)
if [[ -z $table || -z $run ]]; then
    echo "$source has no table and run to take results from; run the experiment first." >&2
    exit 1
fi
mkdir -p "$target"
cp "$table"/{table,claims,sweep}.md "$table"/{table,claims,sweep}.csv "$table"/table.txt "$table"/curves.svg "$target"/
cp "$run/run.json" "$target/run.json"
cp "$table/artifact.json" "$target/table-artifact.json"
echo "$target is now what $table and $run hold."
