#!/usr/bin/env bash
# Start `d3llm serve` on a free port and check it: the page in Chromium, the interface with OpenAI's client.
#   scripts/serve-check.sh D3LLM MODEL STORE PYTHON FOLDER-FOR-PICTURES
set -euo pipefail
d3llm=$1 model=$2 store=$3 python=$4 pictures=$5
here=$(dirname "${BASH_SOURCE[0]}")
log=$(mktemp)
"$d3llm" serve "$model" --store "$store" --port 0 >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"' EXIT

address=
for _ in $(seq 300); do
    address=$(grep -o 'http://127.0.0.1:[0-9]*' "$log" | head -n 1 || true)
    [[ -z $address ]] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
if [[ -z $address ]]; then
    cat "$log" >&2
    echo "serve-check: the server didn't start." >&2
    exit 1
fi
mkdir -p "$pictures"
"$python" "$here/page-check.py" "$address" "$pictures"
"$python" "$here/serve-check.py" "$address"
