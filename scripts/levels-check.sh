#!/usr/bin/env bash
# Whether the kernels of 32-bit floats give the same bits at every instruction level:
#   scripts/levels-check.sh          at the levels of this CPU
#   scripts/levels-check.sh bochs    at those of an emulated CPU with AVX-512 too, for machines without
# The second takes some minutes and needs, on Debian: bochs bochsbios vgabios bochs-term isolinux syslinux-common
# xorriso cpio, a kernel in /boot (linux-image-cloud-amd64, or KERNEL=FILE), and root for a device node.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() { # OUTPUT FLAGS...
    local output=$1
    shift
    clang -O3 -static "$@" -ISources/CKernels/include scripts/levels/digests.c Sources/CKernels/*.c \
        Sources/CKernels/levels/*.c Sources/CKernels/products/*.c -lm -o "$output"
}

# Lines LEVEL KERNEL DIGEST of all files: one digest for each kernel.
compare() {
    awk 'NF == 3 && length($3) == 16 {
             levels[$1] = 1
             if (!($2 in digest)) { digest[$2] = $3; kernels++ }
             else if (digest[$2] != $3) { print $2 " differs at " $1; differs = 1 }
         }
         END {
             names = ""
             for (level in levels) names = names " " level
             if (!differs) print kernels " kernels give the same bits at:" names
             exit differs || !kernels
         }' "$@"
}

if [ "${1:-}" != bochs ]; then
    compile "$work/digests"
    "$work/digests" >"$work/here"
    # However narrow the vectors that the compiler likes.
    compile "$work/narrow" -march=x86-64-v3 -mprefer-vector-width=128
    "$work/narrow" >>"$work/here"
    compare "$work/here"
    exit
fi

compile "$work/digests" -DSMALL
"$work/digests" >"$work/here"
mkdir -p "$work/root/dev" "$work/disc/isolinux"
compile "$work/root/init" -DSMALL -DAS_INIT
mknod "$work/root/dev/console" c 5 1
(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1 >"$work/disc/initrd.gz")
kernels=(/boot/vmlinuz-*)
cp "${KERNEL:-${kernels[0]}}" "$work/disc/vmlinuz"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/disc/isolinux/"
# The emulator's sizes of compacted states are wrong, and Linux then does without AVX: 321 and 323 are XSAVEC and XSAVES.
cat >"$work/disc/isolinux/isolinux.cfg" <<'END'
DEFAULT levels
PROMPT 0
LABEL levels
  KERNEL /vmlinuz
  INITRD /initrd.gz
  APPEND console=ttyS0 clearcpuid=321,323 nopku mitigations=off nosmp noapic lpj=1000000 tsc=reliable no_timer_check random.trust_cpu=on
END
xorriso -as mkisofs -quiet -o "$work/boot.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
    -boot-load-size 4 -boot-info-table "$work/disc"
cat >"$work/bochsrc" <<END
config_interface: textconfig
display_library: term
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=512, host=512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
clock: sync=none
log: $work/log
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
END
# Debian's Bochs has the debugger, which waits for this command.
echo c >"$work/commands"
TERM=xterm script -qc "bochs -q -f $work/bochsrc -rc $work/commands" "$work/screen" </dev/null >/dev/null 2>&1 || true
tr -d '\r' <"$work/serial" | grep -E '^(plain|x86-64-v[34]) [a-z_0-9]+ [0-9a-f]{16}$' >"$work/emulated" || true
if ! grep -q '^x86-64-v4 products' "$work/emulated"; then
    echo "levels-check: the emulated machine did not finish at x86-64-v4. Its last lines:" >&2
    tail -n 20 "$work/serial" >&2
    exit 1
fi
compare "$work/here" "$work/emulated"
