"""What the calls written by hand have in common, be they functions or coroutines."""

from __future__ import annotations

import base64
import sys
import traceback
from typing import Any, Mapping, Sequence

from .generated import Chunk, Figures
from .wire import Error, decode

EXEC = "org.virt-test.session.Exec"
OPEN = "org.virt-test.session.Open"
CONSOLE = "org.virt-test.session.Console"
AGENT = "org.virt-test.session.Agent"
EVENTS = "org.virt-test.vm.Events"
MIGRATE = "org.virt-test.vm.Migrate"
QMP = "org.virt-test.vm.Qmp"
PUSH = "org.virt-test.files.Push"
PULL = "org.virt-test.files.Pull"
VERDICT = "org.virt-test.test."


class Stop(Exception):
    """Ends a test with a verdict other than PASS."""

    def __init__(self, verdict: str, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict


def skip(reason: str) -> None:
    """Ends a test that cannot be done here."""
    raise Stop("skip", reason)


def fail(reason: str) -> None:
    """Ends a test that found something wrong."""
    raise Stop("fail", reason)


class CommandFailed(Exception):
    """A command of the guest that was to succeed has not."""

    def __init__(self, command: object, result: "Result") -> None:
        said = (result.stderr or result.stdout).strip()
        super().__init__(f"{command!r} in the guest {result.how}" + (f": {said}" if said else ""))
        self.result = result


class Result:
    """How a command of the guest ended, and what it wrote."""

    def __init__(self, output: Mapping[str, Any], raw: bool) -> None:
        #: Exit status; none where a signal ended it.
        self.status: int | None = output.get("status")
        self.signal: int | None = output.get("signal")
        self.truncated: bool = output["truncated"]
        #: Seconds.
        self.elapsed: float = output["elapsed"]
        data = [base64.b64decode(output[name]) if raw else output[name].encode() for name in ("stdout", "stderr")]
        self.stdout_bytes, self.stderr_bytes = data

    @property
    def stdout(self) -> str:
        return self.stdout_bytes.decode(errors="replace")

    @property
    def stderr(self) -> str:
        return self.stderr_bytes.decode(errors="replace")

    @property
    def ok(self) -> bool:
        return self.status == 0

    @property
    def how(self) -> str:
        return f"exited with status {self.status}" if self.signal is None else f"was ended by signal {self.signal}"

    def __repr__(self) -> str:
        return f"<Result {self.how}, stdout {self.stdout_bytes[:60]!r}, stderr {self.stderr_bytes[:60]!r}>"


def exec_parameters(
    own: Mapping[str, Any],
    command: str | Sequence[str],
    input: str | bytes | None,
    env: Mapping[str, str] | None,
    timeout: float | None,
) -> dict[str, Any]:
    """A line of shell, or words that no shell sees."""
    what = {"command": command} if isinstance(command, str) else {"argv": list(command)}
    if isinstance(input, str):
        input = input.encode()
    data = None if input is None else base64.b64encode(input).decode()
    return {**own, **what, "input": data, "env": env, "encoding": "base64", "timeout": timeout}


def chunk(reply: Mapping[str, Any]) -> Chunk | None:
    found = reply.get("chunk")
    if found is None:
        return None
    return Chunk(stderr=found["stderr"], data=base64.b64decode(found["data"]).decode(errors="replace"))


class Moved:
    """A migration that has come to its end."""

    def __init__(self, reply: Mapping[str, Any]) -> None:
        self.figures: Figures = decode(Figures, reply["figures"])
        #: Seconds the guest's CPUs stood still.
        self.standstill: float | None = reply.get("standstill")


def content_parameters(own: Mapping[str, Any], guest: str, data: str | bytes, timeout: float | None) -> dict[str, Any]:
    content = base64.b64encode(data.encode() if isinstance(data, str) else data).decode()
    return {**own, "guest": guest, "content": content, "encoding": "base64", "timeout": timeout}


def content(reply: Mapping[str, Any]) -> bytes:
    return base64.b64decode(reply["content"])


def judge(error: BaseException | None) -> tuple[str, str]:
    """The verdict that an exception stands for, and its reason."""
    if error is None:
        return "pass", ""
    if isinstance(error, (Stop, Error)):
        return error.verdict, str(error)
    if isinstance(error, AssertionError):
        return "fail", str(error) or "an assertion does not hold"
    return "fail", f"{type(error).__name__}: {error}"


def tell(error: BaseException | None, verdict: str, reason: str) -> None:
    """Says on standard error why a program ends."""
    print(f"{verdict}: {reason}", file=sys.stderr)
    if isinstance(error, Error):
        if error.last_words:
            print(error.last_words, file=sys.stderr)
    elif error is not None and not isinstance(error, Stop):
        traceback.print_exception(error)
