#!/usr/bin/env python3
"""A command has input, both outputs and a status; its output can be had as it comes."""

import virt_test


def body(test: virt_test.Test) -> None:
    vm = test.main_vm
    result = vm.exec(["sh", "-c", "cat; echo err >&2; exit 3"], input="in")
    assert (result.status, result.stdout, result.stderr) == (3, "in", "err\n"), result

    running = vm.stream("for i in 1 2 3; do echo $i; sleep 0.1; done")
    pieces = [chunk.data for chunk in running]
    assert len(pieces) > 1 and "".join(pieces) == "1\n2\n3\n", pieces
    assert running.result is not None and running.result.ok, running.result


if __name__ == "__main__":
    virt_test.main(body)
