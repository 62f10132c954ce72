#!/bin/sh
# Two machines on a private network reach each other, and their traffic is recorded.
set -eu

vt vm2 exec -- true
address=$(vt vm2 address)
vt vm1 exec -- ping -c 3 "$address"
network=$(vt --json vm1 info | sed 's/.*"network":"\([^"]*\)".*/\1/')
capture=$(vt network "$network" | sed -n 's/^capture: //p')
# A capture without traffic is its header alone.
[ "$(wc -c <"$capture")" -gt 24 ] || { echo "nothing is recorded in $capture"; exit 1; }
