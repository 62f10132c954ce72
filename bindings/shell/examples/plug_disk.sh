#!/bin/sh
# A disk that is plugged in has its size and keeps what is written to it; unplugged it is gone.
set -eu

vt vm1 plug disk id=spare-disk size=64M serial=spare --guest
dir=$(vt vm1 exec 'dirname $(grep -l "^spare$" /sys/block/*/serial)')
device=/dev/${dir##*/}
size=$(vt vm1 exec -- cat "$dir/size")
[ "$size" = 131072 ] || { echo "it has $size sectors"; exit 1; }
vt vm1 exec "printf word >$device && sync"
word=$(vt vm1 exec -- head -c 4 "$device")
[ "$word" = word ] || { echo "the word has become '$word'"; exit 1; }
vt vm1 unplug spare-disk --guest
if vt vm1 exec -- test -e "$dir"; then
    echo 'the guest still has it'
    exit 1
fi
