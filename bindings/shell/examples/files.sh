#!/bin/sh
# A file comes into the guest and out of it unchanged.
set -eu

head -c 100000 /dev/urandom >there
digest=$(sha256sum <there | cut -d ' ' -f 1)
vt vm1 push there /tmp/there | grep -q "$digest" || { echo 'it was not pushed whole'; exit 1; }
seen=$(vt vm1 exec 'sha256sum </tmp/there')
[ "${seen%% *}" = "$digest" ] || { echo "the guest has $seen, not $digest"; exit 1; }
vt vm1 pull /tmp/there back | grep -q "$digest" || { echo 'it was not pulled whole'; exit 1; }
cmp there back

if vt --json vm1 pull /nonexistent nothing 2>error; then
    echo 'what is not there was pulled'
    exit 1
fi
grep -q GuestFailed error || { cat error; exit 1; }
