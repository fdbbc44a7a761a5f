#!/usr/bin/env bash
# Write FOLDER/SHA256SUMS, the digests of all files of recorded results, with a comment on where they are from:
#   scripts/digests.sh FOLDER COMMENT
# `d3llm notebook` checks them, and so does `sha256sum --check SHA256SUMS`.
set -euo pipefail
cd "${1:?a folder of results}"
{
    echo "# ${2:?where they are from}"
    find . -type f ! -name 'SHA256SUMS*' -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum --
} >SHA256SUMS.new
mv SHA256SUMS.new SHA256SUMS
