#!/bin/sh
# The guest runs Linux, and says so in its first words too.
set -eu

kernel=$(vt vm1 exec -- uname -s)
echo "the guest runs $kernel"
[ "$kernel" = Linux ]
grep -q 'Linux version' "$VIRT_TEST_DIR/vm1/serial0.log"
