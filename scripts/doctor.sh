#!/usr/bin/env bash
# Say what this machine has and lacks for this project. Changes nothing; fails if something is missing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
problems=0

line() { printf '%-10s %s\n' "$1" "$2"; }
problem() {
    line "$1" "$2"
    problems=$((problems + 1))
}

version=$(swift_version)
if [[ -z $version ]]; then
    problem swift "not on PATH; needs $minimum_swift or later, see https://www.swift.org/install/linux"
elif at_least "$version" "$minimum_swift"; then
    line swift "$version"
else
    problem swift "$version is too old; needs $minimum_swift or later"
fi

if has_dpkg; then
    missing=$(missing_packages | paste -sd ' ')
    if [[ -n $missing ]]; then problem packages "missing: $missing (make setup installs them)"; else line packages "all there"; fi
else
    line packages "unknown: not Debian or Ubuntu"
fi

line cores "$(nproc)"
line cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
vectors=$(sed -n 's/^flags[^:]*: //p' /proc/cpuinfo | head -n 1 | tr ' ' '\n' | grep -xE 'avx2|fma|avx512f|avx512_bf16|amx_bf16' | paste -sd ' ' || true)
line vectors "${vectors:-none beyond the baseline}"
line memory "$(awk '/^MemAvailable/ { printf "%.1f GiB available", $2 / 1048576 }' /proc/meminfo)"
line disk "$(df --output=avail --block-size=1G . | tail -n 1 | tr -d ' ') GiB free here"

if ((problems > 0)); then
    echo "$problems of these must be put right first."
    exit 1
fi
