#!/usr/bin/env python3
"""The machine's screen can be seen."""

from pathlib import Path

import virt_test


def body(test: virt_test.Test) -> None:
    picture = test.main_vm.screendump()
    assert picture.width > 0 and picture.height > 0, picture
    assert Path(picture.file).read_bytes().startswith((b"P6", b"\x89PNG\r\n\x1a\n"))


if __name__ == "__main__":
    virt_test.main(body)
