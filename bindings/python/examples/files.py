#!/usr/bin/env python3
"""A file comes back from the guest as it went there."""

import hashlib
from pathlib import Path

import virt_test


def body(test: virt_test.Test) -> None:
    vm = test.main_vm
    there, back = (Path(test.info().dir) / name for name in ("there", "back"))
    data = bytes(range(256)) * 391
    there.write_bytes(data[:100_000])
    digest = hashlib.sha256(there.read_bytes()).hexdigest()

    pushed = vm.push("/tmp/there", path=str(there))
    assert vm.run("sha256sum /tmp/there").split()[0] == digest
    pulled = vm.pull("/tmp/there", path=str(back))
    assert pushed.sha256 == pulled.sha256 == digest
    assert back.read_bytes() == there.read_bytes()

    try:
        vm.pull("/nonexistent", path=str(back))
    except virt_test.GuestFailed:
        pass
    else:
        virt_test.fail("a file that is not there was pulled")


if __name__ == "__main__":
    virt_test.main(body)
