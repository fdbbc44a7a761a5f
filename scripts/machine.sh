# Shared by setup.sh and doctor.sh: what is to be there, and what is.

minimum_swift=6.2
packages_file="$(dirname "${BASH_SOURCE[0]}")/debian-packages.txt"

# Whether this is a system whose packages dpkg knows.
has_dpkg() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

# The packages of debian-packages.txt that aren't installed, one per line.
missing_packages() {
    local package status
    while read -r package; do
        [[ -n $package ]] || continue
        status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=none
        [[ $status == installed ]] || echo "$package"
    done <"$packages_file"
}

# The version of the Swift compiler on PATH, such as 6.3.1; nothing if there is none.
swift_version() {
    command -v swift >/dev/null || return 0
    swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1
}

# Whether version $1 is at least version $2.
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort --version-sort | head -n 1) == "$2" ]]; }
