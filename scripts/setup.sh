#!/usr/bin/env bash
# Install the system libraries that are missing and check the Swift compiler.
#
# Asks for root (through sudo) only if something is missing, and prints nothing when all is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} > 0)) || return 0

    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "setup: these packages are missing: ${missing[*]}" >&2
            echo "setup: installing them takes root, and there is no sudo. As root, run:" >&2
            echo "setup:     apt-get update && apt-get install --yes ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}"
    "${as_root[@]}" apt-get update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}

check_swift() {
    local version
    version=$(swift_version)
    if [[ -z $version ]]; then
        echo "setup: there is no \`swift\` on PATH; this project needs Swift $minimum_swift or later." >&2
    elif ! at_least "$version" "$minimum_swift"; then
        echo "setup: Swift $version is too old; this project needs $minimum_swift or later." >&2
    else
        return 0
    fi
    echo "setup: install it with swiftly or from the archives at https://www.swift.org/install/linux," >&2
    echo "setup: open a new shell, and check with \`swift --version\`." >&2
    return 1
}

if has_dpkg; then
    install_packages
else
    # Other systems name these packages otherwise; the compiler will say which header is missing.
    echo "setup: not Debian or Ubuntu; make sure that the equivalents of these are installed:" >&2
    echo "setup:     $(paste -sd ' ' "$packages_file")" >&2
fi
check_swift
