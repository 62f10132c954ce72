"""Tests of virtual machines in Python.

    import virt_test

    def body(test):
        vm = test.main_vm
        assert vm.run("uname -s") == "Linux"

    if __name__ == "__main__":
        virt_test.main(body)

Run it with `virt-test run ./my_test.py`, or with machines at hand by `virt-test serve -- python3 my_test.py`. `virt_test.aio` has the same
for asyncio; with pytest, there are the fixtures `vm` and `virt_test_session`.
"""

from . import generated as _generated
from .api import Running, Session, Test, Vm, connect, main
from .common import CommandFailed, Moved, Result, Stop, fail, skip
from .generated import *  # noqa: F403
from .wire import Error, HungUp

__all__ = [
    "CommandFailed",
    "Error",
    "HungUp",
    "Moved",
    "Result",
    "Running",
    "Session",
    "Stop",
    "Test",
    "Vm",
    "connect",
    "fail",
    "main",
    "skip",
    *(name for name, item in vars(_generated).items() if getattr(item, "__module__", None) == _generated.__name__),
]
