#!/bin/sh
# A guest that moves to another QEMU keeps what it had.
set -eu

pid() { vt vm1 info | sed -n 's/^pid: //p'; }

before=$(pid)
vt vm1 exec 'echo moved >/tmp/word'
vt vm1 migrate unix --progress | tee steps
[ "$(grep -c ^progress steps)" -ge 1 ] || { echo 'no progress was told'; exit 1; }
tail -n 2 steps | grep -q '"status":"completed"' || { echo 'it did not complete'; exit 1; }
[ "$(pid)" != "$before" ] || { echo "QEMU still is process $before"; exit 1; }
word=$(vt vm1 exec -- cat /tmp/word)
[ "$word" = moved ] || { echo "the word has become '$word'"; exit 1; }
