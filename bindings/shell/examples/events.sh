#!/bin/sh
# The monitor answers, refuses, and tells what happens.
set -eu

vt vm1 qmp query-status | grep -q '"status":"running"' || { echo 'it does not run'; exit 1; }
since=$(vt vm1 info | sed -n 's/^cursor: //p')
vt vm1 pause
vt vm1 wait-event STOP --since "$since"
vt vm1 resume
vt vm1 wait-event RESUME --since "$since"
order=$(vt vm1 events STOP RESUME --since "$since" | sed 's/.*name=\([A-Z]*\).*/\1/' | tr '\n' ' ')
[ "$order" = 'STOP RESUME ' ] || { echo "events came in the order $order"; exit 1; }

if vt --json vm1 qmp no-such-command 2>error; then
    echo 'a command that is not was obeyed'
    exit 1
fi
grep -q MonitorFailed error && grep -q CommandNotFound error || { cat error; exit 1; }
