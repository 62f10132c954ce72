#!/usr/bin/env python3
"""Two machines on a network of their own hear each other."""

from pathlib import Path

import virt_test


def body(test: virt_test.Test) -> None:
    one, other = test.vm("vm1"), test.vm("vm2")
    network = next(nic.network for nic in other.info().nics if nic.network)
    other.run("true")
    one.run(["ping", "-c", "3", other.address()])
    assert Path(test.network_info(network).capture).stat().st_size > 24


if __name__ == "__main__":
    virt_test.main(body)
