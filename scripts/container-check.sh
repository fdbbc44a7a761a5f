#!/usr/bin/env bash
# Check scripts/Containerfile without a container engine:
#   scripts/container-check.sh          that it copies what there is, and that its packages are those of setup.sh
#   scripts/container-check.sh chroot   besides, run the program that `make install` puts there among the files of the
#                                       image's packages and nothing else, as they are installed here; a minute
# The second needs Debian with the packages, and root or user namespaces.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
file=scripts/Containerfile
run_list=scripts/debian-packages-run.txt
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
fail() { echo "container-check: $*" >&2; exit 1; }

# The sources of the COPY lines that take from the checkout, one a line.
sources() { awk '$1 == "COPY" && $2 !~ /^--from/ { for (i = 2; i < NF; i++) print $i }' "$file"; }

while read -r source; do
    [[ -e $source ]] || fail "$file copies $source, which isn't there."
    git ls-files --error-unmatch "$source" >/dev/null 2>&1 || fail "$file copies $source, of which git knows nothing."
done < <(sources)
# The first stage is compiled from what it copies: no link of it may lead out of that.
mkdir "$work/context"
sources | sort -u | while read -r source; do
    mkdir -p "$work/context/$(dirname "$source")"
    cp -R --no-dereference "$source" "$work/context/$source"
done
broken=$(find "$work/context" -xtype l -printf '%P\n' | head -n 3)
[[ -z $broken ]] || fail "$file copies a link without what it leads to: $broken"
for script in $(grep -o 'scripts/[a-z-]*\.sh' "$file" | sort -u); do
    [[ $script == scripts/container-check.sh || -x $script ]] || fail "$file runs $script, which isn't a program."
done
for target in $(sed -n 's/^RUN make \([a-z]*\).*/\1/p' "$file"); do
    grep -q "^$target:" Makefile || fail "$file makes $target, which the Makefile doesn't have."
done
grep -q 'scripts/setup.sh' "$file" || fail "$file doesn't install scripts/debian-packages.txt with scripts/setup.sh."
grep -q "^COPY $run_list " "$file" || fail "$file doesn't install $run_list."

# Each library that is compiled against has its package for running, and no package is there for nothing.
if command -v dpkg-query >/dev/null; then
    for package in $(<scripts/debian-packages.txt); do
        depends=" $(dpkg-query --show --showformat='${Depends}' "$package" | tr -d ',|()=') "
        case $package in
            *-dev)
                found=
                for run in $(<"$run_list"); do [[ $depends != *" $run "* ]] || found=$run; done
                [[ -n $found ]] || fail "$run_list lacks what $package needs to run:$depends"
                echo "$found" >>"$work/needed"
                ;;
            pkg-config) ;; # needed to compile only
            *) grep -qx "$package" "$run_list" || fail "$run_list lacks $package."
               echo "$package" >>"$work/needed" ;;
        esac
    done
    # Swift's runtime needs the one, downloads need the other.
    printf '%s\n' libstdc++6 ca-certificates >>"$work/needed"
    extra=$(sort "$run_list" | comm -23 - <(sort -u "$work/needed"))
    [[ -z $extra ]] || fail "$run_list has what nothing needs: $extra"
fi
echo "The Containerfile copies what there is; its packages are those of scripts/debian-packages.txt."
[[ ${1:-} == chroot ]] || exit 0

# What the second stage is: the files of its packages with what they depend on, and what `make install` puts there.
root=$work/root
mkdir -p "$root"/{usr/lib,usr/lib64,usr/bin,usr/sbin,etc,proc,dev,tmp,work}
for name in lib lib64 bin sbin; do ln -s "usr/$name" "$root/$name"; done
closure() {
    apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances "$@" 2>/dev/null | grep '^[a-z0-9]' | sed 's/:.*//' | sort -u
}
mapfile -t packages < <(closure $(<"$run_list"))
((${#packages[@]} > 10)) || fail "the packages of $run_list aren't all installed here: scripts/setup.sh run"
for package in "${packages[@]}"; do dpkg-query --listfiles "$package" 2>/dev/null || true; done |
    while read -r path; do
        if [[ -L $path || -f $path ]]; then echo "${path#/}"; fi
    done | grep -v -e '^usr/share/\(doc\|man\|locale\)/' | sort -u >"$work/files"
# Links that packages make when they are installed, such as libopenblas.so.0.
find /usr/lib /usr/bin -type l -lname '/etc/alternatives/*' | while read -r link; do
    target=$(readlink -f "$link") || continue
    if grep -qxF "${target#/}" "$work/files"; then printf '%s\n' "${link#/}" "$(readlink "$link" | cut -c2-)"; fi
done >"$work/links"
tar -C / --no-recursion -cf - -T <(sort -u "$work/files" "$work/links") | tar -C "$root" --keep-directory-symlink -xf -
make --silent install DESTDIR="$root" PREFIX=/usr/local >"$work/install.log" 2>&1 || { tail "$work/install.log" >&2; exit 1; }
mknod -m 666 "$root/dev/null" c 1 3 2>/dev/null || : >"$root/dev/null"
mknod -m 666 "$root/dev/urandom" c 1 9 2>/dev/null || head -c 4096 /dev/urandom >"$root/dev/urandom"

# The image's ENTRYPOINT, as its shell would run it.
inside() {
    unshare --map-root-user --mount --pid --fork bash -c '
        mount -t proc proc "$0/proc" 2>/dev/null || mount --rbind /proc "$0/proc"
        exec chroot "$0" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp /usr/bin/env -C /work "$@"' \
        "$root" "$@"
}
cp /usr/bin/env "$root/usr/bin/env"
unshare --map-root-user --mount true 2>/dev/null || fail "the chroot needs root or user namespaces, which there aren't."
inside d3llm --version
missing=$(inside /lib64/ld-linux-x86-64.so.2 --list /usr/local/bin/d3llm | grep 'not found' || true)
[[ -z $missing ]] || fail "the image lacks: $missing"
inside d3llm doctor | grep -i openblas
inside d3llm init >/dev/null
small=(--only vanilla --set stages.problems.test=8 --set stages.problems.train=200
    --set 'stages.teacher.phases[0].steps=3' --set 'stages.teacher.phases[1].steps=3')
inside d3llm run first/first.json --no-forecast "${small[@]}"
inside d3llm runs
if find "$root" -name 'libswift*' | grep -q .; then fail "Swift's libraries are in the image."; fi
echo "The program runs among the files of ${#packages[@]} packages and nothing else."
