#!/usr/bin/env bash
# Copy what a run found from the store to an experiment's folder, to be committed:
#   scripts/record-results.sh STORE RUN [experiments/NAME/results [STAGE...]]
# RUN is an experiment, for its newest run that ended (mini/table1), or one of its runs
# (mini/table1/runs/20261121T093757Z-1). Without a folder, the folders that hold results of that experiment are written
# again, each with the stages that it has. Of each stage ("table" where none is named) the artifact that the run's record
# names is copied, whichever experiment made it. One stage fills the folder itself, several fill a folder each.
# Nothing is edited on the way. SHA256SUMS says what has to be there; `d3llm notebook` checks it, and so does
# `sha256sum --check`.
set -euo pipefail
store=${1:?the store, for example store}
run=${2:?an experiment or one of its runs, for example mini/table1}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fail() { echo "$1" >&2; exit 1; }

record=$store/$run/run.json
if [[ ! -f $record ]]; then
    # Folders of runs begin with the time; one without a record is of a run that goes on or was killed.
    record=$(find "$store/$run/runs" -mindepth 2 -maxdepth 2 -name run.json 2>/dev/null | sort -V | tail -n 1 || true)
    [[ -n $record ]] || fail "$store/$run has no record of a run; run the experiment first."
fi
grep -q '^  "status": "finished",$' "$record" || fail "$record is of a run that didn't finish; run the experiment again."
experiment=$(sed -n 's/^  "experiment": "\(.*\)",$/\1/p' "$record")
# The record names artifacts relative to the store.
artifact() { awk -v line="\"stage\": \"$1\"," 'index($0, line) { getline; split($0, part, "\""); print part[4]; exit }' "$record"; }

# Record TARGET STAGE...
record() {
    local target=$1 stage path folder
    shift
    # All is looked up before anything is touched.
    for stage in "$@"; do
        path=$(artifact "$stage")
        [[ -n $path ]] || fail "$record knows no stage $stage."
        [[ -f $store/$path/artifact.json ]] || fail "$store/$path, the artifact of the stage $stage by $record, isn't there."
    done
    # What an earlier run left and this one doesn't write again would pass for a result of this one. Only what was
    # recorded goes.
    if [[ -f $target/SHA256SUMS ]]; then
        sed -n 's/^[0-9a-f]\{64\}  //p' "$target/SHA256SUMS" | (cd "$target" && xargs -d '\n' rm -f --)
    fi
    for stage in "$@"; do
        path=$(artifact "$stage")
        folder=$target
        [[ $# -eq 1 ]] || folder=$target/$stage
        mkdir -p "$folder"
        find "$store/$path" -maxdepth 1 -type f ! -name artifact.json -exec cp {} "$folder" \;
        cp "$store/$path/artifact.json" "$folder/$stage-artifact.json"
        echo "$folder is now what $store/$path holds."
    done
    cp "$record" "$target/run.json"
    "$root/scripts/digests.sh" "$target" "$experiment/runs/$(basename "$(dirname "$record")")"
}

if [[ $# -ge 3 ]]; then
    stages=("${@:4}")
    [[ ${#stages[@]} -gt 0 ]] || stages=(table)
    record "$3" "${stages[@]}"
    exit
fi

# The folders that a run of this experiment was recorded in.
mapfile -t folders < <(find "$root/experiments" -name run.json -exec grep -l "^  \"experiment\": \"$experiment\",$" {} + | LC_ALL=C sort)
[[ ${#folders[@]} -gt 0 ]] || fail "No folder below experiments has results of $experiment. Name one: make record RUN=$run RESULTS=experiments/NAME/results STAGES=STAGE"
for known in "${folders[@]}"; do
    target=$(realpath --relative-to=. "$(dirname "$known")")
    mapfile -t stages < <(find "$target" -name '*-artifact.json' -printf '%f\n' | sed 's/-artifact\.json$//' | LC_ALL=C sort)
    record "$target" "${stages[@]}"
done
