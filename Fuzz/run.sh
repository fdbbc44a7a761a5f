#!/bin/sh
# Runs readers in turn, each for some seconds: run.sh [SECONDS [READER…]]
#
# Corpora are kept in corpus/READER, logs in logs/READER.log, inputs that end the process in findings/READER-….
# FUZZ names the program, WORK the folder of what is kept (this one).
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:-300}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- json template tokenizer safetensors gguf parquet arrow http entry lock
program=${FUZZ:-$here/.build/release/fuzz}
work=${WORK:-$here}
mkdir -p "$work/logs" "$work/findings"
[ -d "$work/corpus" ] || "$here/seed.py" "$work/corpus"
# Swift's own report of a crash would come first, and the input be lost.
export SWIFT_BACKTRACE=enable=no
# What threads get where the stack of the first has no limit.
ulimit -s 2048
found=0
for reader in "$@"; do
  # Long enough for the longest seed, so that none is cut.
  case $reader in
    tokenizer | gguf | parquet | arrow) longest=16384 ;;
    entry) longest=512 ;;
    *) longest=8192 ;;
  esac
  mkdir -p "$work/corpus/$reader"
  READER=$reader "$program" -dict="$here/Dictionaries/$reader.dict" -artifact_prefix="$work/findings/$reader-" \
    -timeout=20 -rss_limit_mb=4000 -max_len=$longest -max_total_time="$seconds" -print_final_stats=1 \
    "$work/corpus/$reader" >>"$work/logs/$reader.log" 2>&1 || {
    echo "$reader: see $work/logs/$reader.log"
    found=1
  }
done
exit $found
