#!/bin/sh
# A guest that moves to another QEMU goes on: it is not started anew.
set -eu

boot_id() { vt vm1 exec -- cat /proc/sys/kernel/random/boot_id; }

before=$(boot_id)
vt vm1 migrate unix
after=$(boot_id)
echo "before: $before, after: $after"
[ "$before" = "$after" ]
