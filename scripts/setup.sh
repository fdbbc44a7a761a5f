#!/usr/bin/env bash
# Install the system libraries that are missing and check the Swift compiler.
#
#   scripts/setup.sh            what the project needs
#   scripts/setup.sh checks     besides, what checks of pages and terminals need
#   scripts/setup.sh mpi        besides, what runs over several ranks need
# Asks for root (through sudo) only if something is missing, and prints nothing when all is there.
set -euo pipefail

minimum_swift=6.2
packages_files=("$(dirname "${BASH_SOURCE[0]}")/debian-packages.txt")
for list in "$@"; do packages_files+=("$(dirname "${BASH_SOURCE[0]}")/debian-packages-$list.txt"); done

# Whether this is a system whose packages dpkg knows.
has_dpkg() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

# The packages of the lists that aren't installed, one per line.
missing_packages() {
    local package status
    while read -r package; do
        [[ -n $package ]] || continue
        status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=none
        [[ $status == installed ]] || echo "$package"
    done < <(cat "${packages_files[@]}")
}

# The version of the Swift compiler on PATH, such as 6.3.1; nothing if there is none.
swift_version() {
    command -v swift >/dev/null || return 0
    swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1
}

# Whether version $1 is at least version $2.
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort --version-sort | head -n 1) == "$2" ]]; }

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
    echo "setup:     $(cat "${packages_files[@]}" | paste -sd ' ')" >&2
fi
check_swift
