#!/bin/sh
# What is on the screen can be had as a picture.
set -eu

vt --json vm1 screendump >told
sed 's/.*"file":"\([^"]*\)".*/\1/' told >file
case $(head -c 4 "$(cat file)" | tr -d '\0' | od -An -c | tr -d ' ') in
P6* | 211PNG) ;;
*)
    echo 'the file is no picture'
    exit 1
    ;;
esac
for side in width height; do
    grep -q "\"$side\":[1-9]" told || { cat told; exit 1; }
done
