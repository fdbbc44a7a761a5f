#!/usr/bin/env bash
# Copy what a run found from the store to an experiment's folder, to be committed:
#   scripts/record-results.sh STORE/EXPERIMENT experiments/NAME/results [STAGE...]
# Takes the record of the newest run that ended and, of each stage ("table" where none is named), the artifact that
# this record names, whichever experiment made it. One stage fills the folder itself, several fill a folder each.
# Nothing is edited on the way.
set -euo pipefail
source=${1:?the experiment\'s folder in the store, for example store/mini/table1}
target=${2:?the folder to copy to, for example experiments/mini-table1/results}
stages=("${@:3}")
[[ ${#stages[@]} -gt 0 ]] || stages=(table)
fail() { echo "$1" >&2; exit 1; }

# Folders of runs begin with the time; one without a record is of a run that goes on or was killed.
record=$(find "$source/runs" -mindepth 2 -maxdepth 2 -name run.json 2>/dev/null | sort -V | tail -n 1)
[[ -n $record ]] || fail "$source has no record of a run; run the experiment first."
grep -q '^  "status": "finished",$' "$record" || fail "$record is of a run that didn't finish; run the experiment again."

# The record names artifacts relative to the store, which is as many folders up as the experiment's name has parts.
experiment=$(sed -n 's/^  "experiment": "\(.*\)",$/\1/p' "$record")
store=$(cd "$source" && pwd)
store=${store%"/$experiment"}
artifact() { awk -v line="\"stage\": \"$1\"," 'index($0, line) { getline; split($0, part, "\""); print part[4]; exit }' "$record"; }

for stage in "${stages[@]}"; do
    path=$(artifact "$stage")
    [[ -n $path ]] || fail "$record knows no stage $stage."
    [[ -f $store/$path/artifact.json ]] || fail "$store/$path, the artifact of the stage $stage by $record, isn't there."
    folder=$target
    [[ ${#stages[@]} -eq 1 ]] || folder=$target/$stage
    mkdir -p "$folder"
    find "$store/$path" -maxdepth 1 -type f ! -name artifact.json -exec cp {} "$folder" \;
    cp "$store/$path/artifact.json" "$folder/$stage-artifact.json"
    echo "$folder is now what $store/$path holds."
done
cp "$record" "$target/run.json"
