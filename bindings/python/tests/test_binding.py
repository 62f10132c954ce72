"""The binding against a server that says what it is told to: `python3 -m unittest discover tests`."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
import threading
import unittest
from typing import Any

import virt_test
from virt_test import aio, common, wire


class Fake:
    """Answers each call with what is said of its method: replies, or an error with its parameters."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self._directory.name, "socket")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self.answers = answers
        self.calls: list[dict[str, Any]] = []
        self.connections = 0
        self.hung_up = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = b""
        with connection:
            while True:
                data = connection.recv(4096)
                if not data:
                    self.hung_up.set()
                    return
                buffer += data
                while b"\0" in buffer:
                    message, _, buffer = buffer.partition(b"\0")
                    call = json.loads(message)
                    self.calls.append(call)
                    if not call.get("oneway"):
                        self._answer(connection, self.answers[call["method"].rsplit(".", 1)[1]])

    def _answer(self, connection: socket.socket, answer: Any) -> None:
        if answer == "hang up":
            connection.shutdown(socket.SHUT_RDWR)
            return
        if answer == "nothing":
            return
        if isinstance(answer, tuple):
            messages = [{"error": answer[0], "parameters": answer[1]}]
        else:
            messages = [{"parameters": reply, "continues": True} for reply in answer]
            if messages[-1]["parameters"] is not ...:
                del messages[-1]["continues"]
            else:
                messages.pop()
        for message in messages:
            data = json.dumps(message).encode() + b"\0"
            # In two pieces: what is received is no message.
            connection.sendall(data[:7])
            connection.sendall(data[7:])

    def close(self) -> None:
        self._listener.close()
        self._directory.cleanup()


OUTPUT = {"status": 3, "stdout": "aW4=", "stderr": "/w==", "truncated": False, "elapsed": 1}


class Case(unittest.TestCase):
    def fake(self, **answers: Any) -> Fake:
        fake = Fake(answers)
        self.addCleanup(fake.close)
        return fake

    def connected(self, fake: Fake) -> virt_test.Test:
        test = virt_test.connect(fake.path)
        self.addCleanup(test.close)
        return test


class Calls(Case):
    def test_a_reply_is_of_its_type_and_what_is_absent_is_not_sent(self) -> None:
        machine = {"name": "vm1", "state": "running", "disks": [], "nics": [{"id": "n", "model": "e", "mac": "m"}], "consoles": [], "later": 1}
        fake = self.fake(Info=[{"machine": machine}])
        info = self.connected(fake).vm("vm1").info()
        self.assertEqual(info.nics, [virt_test.Nic(id="n", model="e", mac="m")])
        self.assertIsNone(info.pid)
        self.assertEqual(fake.calls, [{"method": "org.virt-test.vm.Info", "parameters": {"vm": "vm1"}}])

    def test_structures_are_given_as_such_or_as_mappings(self) -> None:
        fake = self.fake(Plug=[{"device": {"id": "d", "kind": "disk"}}])
        vm = self.connected(fake).vm("vm1")
        self.assertEqual(vm.plug(virt_test.Device(kind="disk", size=7)).id, "d")
        self.assertEqual(fake.calls[0]["parameters"], {"vm": "vm1", "device": {"kind": "disk", "size": 7}})

    def test_a_command_keeps_every_byte(self) -> None:
        fake = self.fake(Exec=[{"output": OUTPUT}])
        result = self.connected(fake).vm("vm1").exec(["cat"], input="in")
        self.assertEqual((result.status, result.stdout, result.stderr_bytes), (3, "in", b"\xff"))
        self.assertEqual(fake.calls[0]["parameters"], {"vm": "vm1", "argv": ["cat"], "input": "aW4=", "encoding": "base64"})

    def test_a_command_that_was_to_succeed_says_how_it_did_not(self) -> None:
        vm = self.connected(self.fake(Exec=[{"output": OUTPUT}])).vm("vm1")
        with self.assertRaisesRegex(virt_test.CommandFailed, "'false' in the guest exited with status 3"):
            vm.run("false")

    def test_connections_are_used_again_and_as_many_as_there_are_calls_at_once(self) -> None:
        fake = self.fake(Phase=[{}], Exec=[{"chunk": {"stderr": False, "data": "YQ=="}}, {"output": OUTPUT}])
        test = self.connected(fake)
        for _ in range(3):
            test.phase("x")
        self.assertEqual(fake.connections, 1)
        running = test.vm("vm1").stream("x")
        for chunk in running:
            self.assertEqual(chunk.data, "a")
            test.phase("meanwhile")
        self.assertEqual(fake.connections, 2)
        assert running.result is not None
        self.assertEqual(running.result.status, 3)


class Errors(Case):
    def test_an_error_is_of_its_class_and_has_its_members(self) -> None:
        members = {"message": "refused", "verdict": "fail", "class": "CommandNotFound", "where": "vm1"}
        test = self.connected(self.fake(Qmp=("org.virt-test.error.MonitorFailed", members)))
        with self.assertRaises(virt_test.MonitorFailed) as caught:
            test.vm("vm1").qmp("x")
        error = caught.exception
        self.assertEqual((error.class_, error.description, error.where, error.hint), ("CommandNotFound", None, "vm1", None))

    def test_an_error_of_a_later_version_is_met_by_what_all_have(self) -> None:
        members = {"message": "no", "hint": "do", "verdict": "skip", "colour": "red"}
        test = self.connected(self.fake(Phase=("org.virt-test.error.Tired", members)))
        with self.assertRaisesRegex(virt_test.Error, r"^no \(hint: do\)$") as caught:
            test.phase("x")
        self.assertEqual((caught.exception.verdict, caught.exception.code), ("skip", "org.virt-test.error.Tired"))

    def test_after_an_error_the_connection_is_used_again(self) -> None:
        fake = self.fake(Phase=("org.virt-test.error.Invalid", {"message": "no", "verdict": "error"}), Warn=[{}])
        test = self.connected(fake)
        with self.assertRaises(virt_test.Invalid):
            test.phase("x")
        test.warn("x")
        self.assertEqual(fake.connections, 1)

    def test_a_server_that_goes_is_told(self) -> None:
        test = self.connected(self.fake(Phase="hang up"))
        with self.assertRaises(virt_test.HungUp):
            test.phase("x")

    def test_without_a_socket_it_says_what_to_do(self) -> None:
        before = os.environ.pop("VIRT_TEST_SOCKET", None)
        try:
            with self.assertRaisesRegex(virt_test.HungUp, "virt-test serve"):
                virt_test.connect()
        finally:
            if before is not None:
                os.environ["VIRT_TEST_SOCKET"] = before


class Streams(Case):
    def test_progress_is_told_as_it_comes(self) -> None:
        figures = {
            "status": "active", "transferred": 1, "remaining": 2, "total": 3, "mbps": 1, "dirty_pages_rate": 0,
            "dirty_sync_count": 0, "postcopy_requests": 0,
        }
        fake = self.fake(Migrate=[{"progress": figures}, {"figures": {**figures, "status": "completed"}, "standstill": 0.5}])
        seen: list[str] = []
        moved = self.connected(fake).vm("vm1").migrate("unix", progress=lambda figures: seen.append(figures.status))
        self.assertEqual((seen, moved.figures.status, moved.standstill), (["active"], "completed", 0.5))

    def test_who_stops_early_hangs_up(self) -> None:
        fake = self.fake(Events=[{"event": {"seq": 1, "name": "STOP"}, "events": []}, ...])
        for event in self.connected(fake).vm("vm1").watch_events():
            self.assertEqual(event.name, "STOP")
            break
        self.assertTrue(fake.hung_up.wait(10))


class Verdicts(unittest.TestCase):
    def test_what_is_raised_is_the_verdict(self) -> None:
        unsupported = virt_test.Unsupported("x", {"message": "no nvme", "verdict": "skip"})
        for error, verdict in [
            (None, "pass"),
            (AssertionError("no"), "fail"),
            (OSError("no"), "fail"),
            (unsupported, "skip"),
            (common.Stop("error", "no"), "error"),
        ]:
            self.assertEqual(common.judge(error)[0], verdict)


class Coroutines(unittest.IsolatedAsyncioTestCase):
    async def test_calls_go_on_at_once_and_cancelling_one_cancels_it(self) -> None:
        fake = Fake({"Phase": [{}], "Exec": "nothing"})
        try:
            async with aio.connect(fake.path) as test:
                waiting = asyncio.create_task(test.vm("vm1").exec("sleep 1000"))
                await asyncio.gather(*(test.phase("x") for _ in range(20)))
                waiting.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await waiting
                self.assertTrue(await asyncio.to_thread(fake.hung_up.wait, 10))
        finally:
            fake.close()


class Values(unittest.TestCase):
    def test_what_is_encoded_reads_back(self) -> None:
        device = virt_test.Device(kind="disk", size=1, properties={"a": "b"})
        self.assertEqual(wire.decode(virt_test.Device, wire.encode(device)), device)


if __name__ == "__main__":
    unittest.main()
