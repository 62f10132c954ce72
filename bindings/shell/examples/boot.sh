#!/bin/sh
# The guest boots: a Linux whose clock runs.
set -eu

kernel=$(vt vm1 exec -- uname -s)
[ "$kernel" = Linux ] || { echo "the guest runs '$kernel'"; exit 1; }
uptime=$(vt vm1 exec -- cat /proc/uptime)
echo "$uptime" | awk '{ exit !($1 > 0) }' || { echo "it is up for '$uptime'"; exit 1; }
