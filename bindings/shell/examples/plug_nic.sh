#!/bin/sh
# A card that is plugged in is one more for the guest, and unplugged it is one less.
set -eu

cards() { vt vm1 exec 'ls /sys/class/net | wc -l'; }

before=$(cards)
vt vm1 plug nic id=extra --guest
[ "$(cards)" = $((before + 1)) ] || { echo "the guest had $before cards, and has $(cards)"; exit 1; }
vt vm1 unplug extra --guest
[ "$(cards)" = "$before" ] || { echo "the guest had $before cards, and has $(cards) again"; exit 1; }
