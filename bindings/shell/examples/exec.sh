#!/bin/sh
# A command in the guest has input, both outputs and a status, and what it says comes as it says it.
set -eu

status=0
printf in | vt vm1 exec --stdin -- sh -c 'cat; echo err >&2; exit 3' >out 2>err || status=$?
[ $status = 3 ] || { echo "its status was $status"; exit 1; }
[ "$(cat out)" = in ] || { echo "it said '$(cat out)'"; exit 1; }
[ "$(cat err)" = err ] || { echo "on standard error it said '$(cat err)'"; exit 1; }

# The first line is there while the command waits for the file that is made only then.
mkfifo lines
vt vm1 exec 'echo 1; until test -e /tmp/go-on; do sleep 0.1; done; echo 2; echo 3' >lines &
{
    read -r first
    vt vm1 exec -- touch /tmp/go-on
    rest=$(cat)
} <lines
wait $!
[ "$first $rest" = "1 2
3" ] || { echo "it said '$first', then '$rest'"; exit 1; }
