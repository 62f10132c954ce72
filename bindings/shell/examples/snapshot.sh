#!/bin/sh
# A snapshot takes the machine back to when it was made.
set -eu

vt vm1 exec 'echo before >/tmp/when'
vt vm1 snapshot save one
vt vm1 snapshot list | grep -q 'name=one' || { echo 'the snapshot is not listed'; exit 1; }
vt vm1 exec 'echo after >/tmp/when'
vt vm1 snapshot load one
when=$(vt vm1 exec -- cat /tmp/when)
[ "$when" = before ] || { echo "it is $when"; exit 1; }
vt vm1 snapshot delete one
left=$(vt vm1 snapshot list)
[ -z "$left" ] || { echo "left is $left"; exit 1; }
