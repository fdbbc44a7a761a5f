#!/usr/bin/env bash
# Copy what a run found from the store to an experiment's folder, to be committed:
#   scripts/record-results.sh STORE/EXPERIMENT experiments/NAME/results [STAGE...]
# Takes the newest artifact of each stage (of "table" where none is named) and the record of the newest run. One stage
# fills the folder itself, several fill a folder each. Nothing is edited on the way.
set -euo pipefail
source=${1:?the experiment\'s folder in the store, for example store/mini/table1}
target=${2:?the folder to copy to, for example experiments/mini-table1/results}
stages=("${@:3}")
[[ ${#stages[@]} -gt 0 ]] || stages=(table)

newest() { ls -td "$@" 2>/dev/null | head -n 1; }
run=$(newest "$source"/runs/*)
if [[ -z $run ]]; then
    echo "$source has no record of a run; run the experiment first." >&2
    exit 1
fi
for stage in "${stages[@]}"; do
    artifact=$(newest "$source/$stage"-[0-9a-f]*[0-9a-f])
    if [[ -z $artifact ]]; then
        echo "$source has no artifact of the stage $stage; run the experiment first." >&2
        exit 1
    fi
    folder=$target
    [[ ${#stages[@]} -eq 1 ]] || folder=$target/$stage
    mkdir -p "$folder"
    find "$artifact" -maxdepth 1 -type f ! -name artifact.json -exec cp {} "$folder" \;
    cp "$artifact/artifact.json" "$folder/$stage-artifact.json"
    echo "$folder is now what $artifact holds."
done
cp "$run/run.json" "$target/run.json"
