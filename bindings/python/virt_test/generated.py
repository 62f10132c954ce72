# Made by `cargo test -p bindings` from crates/control/idl; not to be edited.
"""What is regular: types, errors, and a method for every method of the interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Mapping

from .wire import AsyncCaller, Caller, Error


# fail: guest or QEMU did wrong. error: our side could not do its part. skip: this QEMU or this host lacks what is asked for.
Verdict = Literal["fail", "error", "skip", "pass", "warn"]


# text: UTF-8. base64: any bytes.
Encoding = Literal["text", "base64"]


@dataclass(kw_only=True)
class ImageSnapshot:
    id: str
    name: str
    vm_state_size: int


@dataclass(kw_only=True)
class Image:
    """Sizes are bytes. `format_specific` is what only the format knows, as qemu-img tells it."""
    path: str
    format: str
    virtual_size: int
    actual_size: int | None = None
    cluster_size: int | None = None
    backing: str | None = None
    backing_format: str | None = None
    dirty: bool
    snapshots: list[ImageSnapshot]
    format_specific: dict[str, Any] | None = None


@dataclass(kw_only=True)
class Report:
    """`clean`: nothing is wrong. `checked`: false where the format has nothing to check."""
    clean: bool
    checked: bool
    check_errors: int
    corruptions: int
    leaks: int
    corruptions_fixed: int
    leaks_fixed: int


Repair = Literal["none", "leaks", "all"]


SnapshotAction = Literal["create", "apply", "delete"]


# standard: as the machine's `shell_client` says, else the agent where the machine has one, else the first console.
Channel = Literal["standard", "serial", "virtio_console", "agent", "ssh"]


@dataclass(kw_only=True)
class SessionInfo:
    id: str
    vm: str
    channel: str


@dataclass(kw_only=True)
class Chunk:
    """A piece of output of a command: of its standard output, unless `stderr`."""
    stderr: bool
    data: str


@dataclass(kw_only=True)
class Output:
    """`status`: what the command exited with; else it was ended by `signal`. `truncated`: there was more than is kept, 16 MiB.
    `elapsed` is in seconds.
    """
    status: int | None = None
    signal: int | None = None
    stdout: str
    stderr: str
    truncated: bool
    elapsed: float


Level = Literal["debug", "info", "warn", "error"]


@dataclass(kw_only=True)
class TestInfo:
    """`name`: full name of the variant. `dir`: directory of its evidence, where files of its own belong; relative paths of all
    methods start there. `main_vm`: the machine a test with one machine uses. `vms`: machines of the configuration, running or not.
    `elapsed` and `remaining`: seconds since it began, and until it is out of time; absent where it may take as long as it likes.
    `scale`: how much slower than the reference host this one is now; time limits given to methods are stretched by it.
    `session`: is this one of `virt-test serve`, rather than a test?
    """
    name: str
    dir: str
    main_vm: str | None = None
    vms: list[str]
    elapsed: float
    remaining: float | None = None
    scale: float
    session: bool


State = Literal["absent", "running", "ended"]


@dataclass(kw_only=True)
class Disk:
    """`node`: name of the block node, for block commands of QMP."""
    id: str
    path: str
    format: str
    node: str
    readonly: bool


@dataclass(kw_only=True)
class Nic:
    id: str
    model: str
    mac: str
    network: str | None = None


@dataclass(kw_only=True)
class Machine:
    """`state`: is there a QEMU? `status`: its run state, such as running or paused. `cursor`: number of the next event.
    `exit`: how QEMU ended. `consoles`: serial and virtio consoles, the first being the one logged in on.
    """
    name: str
    state: State
    status: str | None = None
    pid: int | None = None
    uptime: float | None = None
    accelerator: str | None = None
    machine_type: str | None = None
    qemu_version: str | None = None
    cpus: int | None = None
    memory: int | None = None
    disks: list[Disk]
    nics: list[Nic]
    consoles: list[str]
    log_dir: str | None = None
    cursor: int | None = None
    exit: Exit | None = None


@dataclass(kw_only=True)
class Exit:
    """How a QEMU ended: by an exit code or by a signal. `reason`: ShutdownCause of QEMU, such as guest-shutdown."""
    code: int | None = None
    signal: int | None = None
    clean: bool
    reason: str | None = None
    summary: str


Suspension = Literal["ram", "disk"]


@dataclass(kw_only=True)
class Finding:
    """`at`: seconds since the machine was started. `severity`: note, warning, fatal."""
    kind: str
    severity: str
    summary: str
    at: float


@dataclass(kw_only=True)
class Event:
    """`seq`: number of the event, from 0. `time`: seconds since 1970 by QEMU's clock."""
    seq: int
    name: str
    data: dict[str, Any] | None = None
    time: float | None = None


# A device to be plugged in. `id`: made from the kind where absent. What the kind does not have is refused.
#   disk              path and format of an image, or the size of an empty one to be made; bus (virtio_blk, virtio_scsi, nvme, usb),
#                     controller, cache, readonly, serial
#   nic               model (virtio_net, e1000, e1000e, rtl8139), mac, network: name of a private one; QEMU's user network if absent
#   dimm              size
#   virtio_mem        size, requested
#   pci               driver
#   usb_*             controller
#   watchdog          model
# Sizes are bytes. `properties`: further ones of the device, for disk, nic and pci.
DeviceKind = Literal["disk", "nic", "scsi_controller", "usb_controller", "usb_hub", "usb_tablet", "usb_mouse", "usb_keyboard", "cpu", "dimm", "virtio_mem", "virtio_port", "virtio_console", "pci_serial", "rng", "balloon", "watchdog", "iothread", "pci"]


@dataclass(kw_only=True)
class Device:
    kind: DeviceKind
    id: str | None = None
    path: str | None = None
    format: str | None = None
    size: int | None = None
    bus: str | None = None
    controller: str | None = None
    cache: str | None = None
    readonly: bool | None = None
    serial: str | None = None
    model: str | None = None
    mac: str | None = None
    network: str | None = None
    requested: int | None = None
    driver: str | None = None
    properties: dict[str, str] | None = None


@dataclass(kw_only=True)
class Plugged:
    """`pci`: the guest's PCI address of it, or of the controller it hangs on. `guest`: what the guest says of it, where it was asked."""
    id: str
    kind: DeviceKind
    pci: str | None = None
    guest: str | None = None


@dataclass(kw_only=True)
class Figures:
    """Figures of a migration: sizes are bytes, times seconds. `status` is QEMU's MigrationStatus."""
    status: str
    transferred: int
    remaining: int
    total: int
    mbps: float
    dirty_pages_rate: int
    dirty_sync_count: int
    postcopy_requests: int
    elapsed: float | None = None
    setup: float | None = None
    expected_downtime: float | None = None
    downtime: float | None = None
    throttle: int | None = None


@dataclass(kw_only=True)
class MigrationParameters:
    """What is absent stays as QEMU has it. Sizes are bytes (a second), times seconds."""
    max_bandwidth: int | None = None
    max_postcopy_bandwidth: int | None = None
    downtime_limit: float | None = None
    multifd_channels: int | None = None
    multifd_compression: str | None = None
    xbzrle_cache_size: int | None = None
    cpu_throttle_initial: int | None = None
    cpu_throttle_increment: int | None = None
    max_cpu_throttle: int | None = None


@dataclass(kw_only=True)
class Snapshot:
    """Snapshots of memory and disks inside the disks, which must be qcow2."""
    name: str
    id: str
    vm_state_size: int


@dataclass(kw_only=True)
class Job:
    """A background job of QEMU. `progress` of `total` in units of its own."""
    id: str
    kind: str
    status: str
    progress: int
    total: int
    error: str | None = None


JobKind = Literal["mirror", "backup", "commit", "stream"]


JobAction = Literal["complete", "cancel", "pause", "resume"]


JobEnd = Literal["succeeded", "cancelled"]


class NotFound(Error):
    """There is no such machine, session, snapshot, job, parameter. `known` are those there are."""
    name: str
    known: list[str]


class Invalid(Error):
    """What is asked for cannot be, whatever the machine."""


class Unsupported(Error):
    """This QEMU or this host cannot do it. The verdict is skip."""


class StartFailed(Error):
    """QEMU ended before it spoke."""
    stderr: str


class MonitorFailed(Error):
    """QEMU refused a command, or its monitor failed. `class` and `description` are QEMU's, where it answered."""
    class_: str | None
    description: str | None


class GuestFailed(Error):
    """Talking to the guest failed. `agent_class` is the guest agent's, where that refused."""
    agent_class: str | None


class TimedOut(Error):
    """It did not come in time. `waited` is in seconds."""
    awaited: str
    waited: float


class Unwell(Error):
    """The machine was found to be fatally unwell: a panic of the guest, a dead end of the firmware, … `finding` is the kind."""
    finding: str


class Ended(Error):
    """The machine ended while something else was awaited. `exit` says how QEMU ended."""
    exit: str


class PlugFailed(Error):
    """A device could not be plugged or unplugged. `refused` where the guest would not let go of it."""
    refused: bool


class MigrationFailed(Error):
    """A migration, a save or a restore failed. `phase` is how far it had come; `source` and `destination` what both sides said;
    `source_state` the state of the source after it, absent where it is gone.
    """
    phase: str
    source: str | None
    destination: str | None
    source_state: str | None


class JobFailed(Error):
    """A job of QEMU ended in a way it was not to."""
    job: str


class HostFailed(Error):
    """Our side failed: a file, a socket, a process, memory."""


ERRORS: dict[str, type[Error]] = {
    "org.virt-test.error.NotFound": NotFound,
    "org.virt-test.error.Invalid": Invalid,
    "org.virt-test.error.Unsupported": Unsupported,
    "org.virt-test.error.StartFailed": StartFailed,
    "org.virt-test.error.MonitorFailed": MonitorFailed,
    "org.virt-test.error.GuestFailed": GuestFailed,
    "org.virt-test.error.TimedOut": TimedOut,
    "org.virt-test.error.Unwell": Unwell,
    "org.virt-test.error.Ended": Ended,
    "org.virt-test.error.PlugFailed": PlugFailed,
    "org.virt-test.error.MigrationFailed": MigrationFailed,
    "org.virt-test.error.JobFailed": JobFailed,
    "org.virt-test.error.HostFailed": HostFailed,
}


@dataclass(kw_only=True)
class PushReply:
    """What `push` replies."""
    size: int
    sha256: str


@dataclass(kw_only=True)
class PullReply:
    """What `pull` replies."""
    size: int
    sha256: str
    content: str | None = None


@dataclass(kw_only=True)
class NetworkInfoReply:
    """What `network_info` replies."""
    ports: int
    capture: str


@dataclass(kw_only=True)
class SshReply:
    """What `ssh` replies."""
    session: SessionInfo
    command: list[str]


@dataclass(kw_only=True)
class ConsoleExpectReply:
    """What `console_expect` replies."""
    before: str
    text: str


@dataclass(kw_only=True)
class StopReply:
    """What `stop` replies."""
    ended_by: str
    exit: Exit


@dataclass(kw_only=True)
class StartJobReply:
    """What `start_job` replies."""
    id: str
    path: str | None = None


@dataclass(kw_only=True)
class ScreendumpReply:
    """What `screendump` replies."""
    file: str
    width: int
    height: int


class TestMethods(Caller):
    def image_create(self, path: str, *, size: int | None = None, format: str | None = None, backing: str | None = None, backing_format: str | None = None, options: Mapping[str, str] | None = None) -> Image:
        """An empty image of `size`, or an overlay of `backing`. qcow2 if `format` is absent. `options` are those of qemu-img -o."""
        return self._call("org.virt-test.image.Create", {"path": path, "size": size, "format": format, "backing": backing, "backing_format": backing_format, "options": options}, "image", Image)

    def image_info(self, path: str) -> Image:
        return self._call("org.virt-test.image.Info", {"path": path}, "image", Image)

    def image_chain(self, path: str) -> list[Image]:
        """The image, what it is an overlay of, and so on."""
        return self._call("org.virt-test.image.Chain", {"path": path}, "images", list[Image])

    def image_check(self, path: str, *, format: str | None = None, repair: Repair | None = None) -> Report:
        return self._call("org.virt-test.image.Check", {"path": path, "format": format, "repair": repair}, "report", Report)

    def image_convert(self, path: str, target: str, format: str, *, target_format: str | None = None) -> Image:
        """Copies an image into one of another format."""
        return self._call("org.virt-test.image.Convert", {"path": path, "target": target, "format": format, "target_format": target_format}, "image", Image)

    def image_resize(self, path: str, format: str, size: int, *, shrink: bool | None = None) -> Image:
        """`shrink` must be said where what is cut off may be data."""
        return self._call("org.virt-test.image.Resize", {"path": path, "format": format, "size": size, "shrink": shrink}, "image", Image)

    def image_compare(self, path: str, format: str, other: str, other_format: str) -> bool:
        """Do two images have the same contents?"""
        return self._call("org.virt-test.image.Compare", {"path": path, "format": format, "other": other, "other_format": other_format}, "same", bool)

    def image_snapshot(self, path: str, action: SnapshotAction, name: str) -> Image:
        """Internal snapshots of an image no machine uses."""
        return self._call("org.virt-test.image.Snapshot", {"path": path, "action": action, "name": name}, "image", Image)

    def image_commit(self, path: str, format: str) -> None:
        """Writes what an overlay holds into what it is an overlay of."""
        self._call("org.virt-test.image.Commit", {"path": path, "format": format}, None, None)

    def network_info(self, network: str) -> NetworkInfoReply:
        """A private network: how many cards are on it, and the file its traffic is recorded in."""
        return self._call("org.virt-test.network.Info", {"network": network}, None, NetworkInfoReply)

    def session_list(self) -> list[SessionInfo]:
        return self._call("org.virt-test.session.List", {}, "sessions", list[SessionInfo])

    def info(self) -> TestInfo:
        return self._call("org.virt-test.test.Info", {}, "info", TestInfo)

    def params(self, *, objects: list[str] | None = None) -> dict[str, str]:
        """Parameters as configured, with defaults where the reference has some; with `objects`, as these see them, outermost first:
        ["vm1", "nic1"] for card nic1 of machine vm1.
        """
        return self._call("org.virt-test.test.Params", {"objects": objects}, "params", dict[str, str])

    def phase(self, phase: str) -> None:
        """Says what the test does now: shown on the live line, kept in the results."""
        self._call("org.virt-test.test.Phase", {"phase": phase}, None, None)

    def log(self, message: str, *, level: Level | None = None) -> None:
        """Writes to the test's debug.log."""
        self._call("org.virt-test.test.Log", {"message": message, "level": level}, None, None)

    def warn(self, message: str) -> None:
        """Something deserves a look: the test goes on, and ends with WARN if it passes."""
        self._call("org.virt-test.test.Warn", {"message": message}, None, None)

    def subtest(self, name: str, verdict: Verdict, *, reason: str | None = None) -> None:
        """A part of the test has come to its end. One that fails makes the test fail."""
        self._call("org.virt-test.test.Subtest", {"name": name, "verdict": verdict, "reason": reason}, None, None)

    def end(self) -> None:
        """Ends a session of `virt-test serve` and its machines. Invalid in a test, which ends with its program."""
        self._call("org.virt-test.test.End", {}, None, None)

    def vm_list(self) -> list[Machine]:
        """The machines of the configuration, running or not, and those that run."""
        return self._call("org.virt-test.vm.List", {}, "machines", list[Machine])


class VmMethods(Caller):
    def push(self, guest: str, *, path: str | None = None, content: str | None = None, encoding: Encoding | None = None, timeout: float | None = None) -> PushReply:
        """From `path` on the host, or `content`, to `guest`."""
        return self._call("org.virt-test.files.Push", {"vm": self.name, "guest": guest, "path": path, "content": content, "encoding": encoding, "timeout": timeout}, None, PushReply)

    def pull(self, guest: str, *, path: str | None = None, encoding: Encoding | None = None, timeout: float | None = None) -> PullReply:
        """From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
        UTF-8 is Invalid.
        """
        return self._call("org.virt-test.files.Pull", {"vm": self.name, "guest": guest, "path": path, "encoding": encoding, "timeout": timeout}, None, PullReply)

    def address(self, *, nic: str | None = None) -> str:
        """The address that the guest of `vm` has by a card on a private network; the first such card if `nic` is absent."""
        return self._call("org.virt-test.network.Address", {"vm": self.name, "nic": nic}, "address", str)

    def forwarded_port(self, port: int) -> int:
        """The port of this host that leads to one of the guest."""
        return self._call("org.virt-test.network.ForwardedPort", {"vm": self.name, "port": port}, "port", int)

    def set_link(self, nic: str, up: bool) -> None:
        """Plugs the cable of a card in or pulls it out."""
        self._call("org.virt-test.network.SetLink", {"vm": self.name, "nic": nic, "up": up}, None, None)

    def ssh(self, *, timeout: float | None = None) -> SshReply:
        """Logs in to the guest by SSH, and tells how a program of this host gets there, such as a user's terminal: `command` is a shell in the
        guest; with more words behind it, it runs these instead. It joins the session, asks for nothing, and ends with it. The machine is one
        with `shell_client = ssh`.
        """
        return self._call("org.virt-test.session.Ssh", {"vm": self.name, "timeout": timeout}, None, SshReply)

    def console_send(self, text: str, *, console: str | None = None) -> None:
        """Types on a console. No newline is added."""
        self._call("org.virt-test.session.ConsoleSend", {"vm": self.name, "text": text, "console": console}, None, None)

    def console_expect(self, pattern: str, *, console: str | None = None, from_now: bool | None = None, timeout: float | None = None) -> ConsoleExpectReply:
        """Waits until a console shows something that matches a regular expression, from the machine's start on. `before`: what came before.
        `from_now`: only what is to come counts.
        """
        return self._call("org.virt-test.session.ConsoleExpect", {"vm": self.name, "pattern": pattern, "console": console, "from_now": from_now, "timeout": timeout}, None, ConsoleExpectReply)

    def info(self) -> Machine:
        return self._call("org.virt-test.vm.Info", {"vm": self.name}, "machine", Machine)

    def start(self, *, params: Mapping[str, str] | None = None, paused: bool | None = None) -> Machine:
        """Starts a machine as the configuration says; `params` win over it, for this machine and until its next start. One of that name
        that runs is killed first. A name that the configuration does not know makes a machine of the parameters all machines share.
        `paused`: its CPUs do not run yet. It returns when QEMU runs; Session.Open or Exec wait for the guest.
        """
        return self._call("org.virt-test.vm.Start", {"vm": self.name, "params": params, "paused": paused}, "machine", Machine)

    def stop(self, *, force: bool | None = None) -> StopReply:
        """Ends a machine: asks the guest by agent, shell and ACPI, then QEMU, then kills. `ended_by` is what did it. `force`: kills at once."""
        return self._call("org.virt-test.vm.Stop", {"vm": self.name, "force": force}, None, StopReply)

    def powerdown(self) -> None:
        """Presses the power button, and returns when QEMU has: WaitExit waits for the guest to be off."""
        self._call("org.virt-test.vm.Powerdown", {"vm": self.name}, None, None)

    def reset(self) -> None:
        """Presses the reset button; returns when the machine has been reset."""
        self._call("org.virt-test.vm.Reset", {"vm": self.name}, None, None)

    def pause(self) -> None:
        """Stops its CPUs, and lets them go on."""
        self._call("org.virt-test.vm.Pause", {"vm": self.name}, None, None)

    def resume(self) -> None:
        self._call("org.virt-test.vm.Resume", {"vm": self.name}, None, None)

    def suspend(self, *, to: Suspension | None = None, timeout: float | None = None) -> None:
        """Lets the guest suspend itself, by its agent, and waits until it has. Suspended to disk the machine has ended."""
        self._call("org.virt-test.vm.Suspend", {"vm": self.name, "to": to, "timeout": timeout}, None, None)

    def wakeup(self) -> None:
        """Wakes a guest that is suspended to RAM."""
        self._call("org.virt-test.vm.Wakeup", {"vm": self.name}, None, None)

    def nmi(self) -> None:
        """Sends a non-maskable interrupt."""
        self._call("org.virt-test.vm.Nmi", {"vm": self.name}, None, None)

    def wait_exit(self, *, timeout: float | None = None) -> Exit:
        """Waits until QEMU has ended, however that comes."""
        return self._call("org.virt-test.vm.WaitExit", {"vm": self.name, "timeout": timeout}, "exit", Exit)

    def wait_status(self, status: str, *, timeout: float | None = None) -> None:
        """Waits until the machine is in a run state, such as paused."""
        self._call("org.virt-test.vm.WaitStatus", {"vm": self.name, "status": status, "timeout": timeout}, None, None)

    def findings(self) -> list[Finding]:
        """What was found to be wrong with the machine and its guest: oopses, lockups, I/O errors, …"""
        return self._call("org.virt-test.vm.Findings", {"vm": self.name}, "findings", list[Finding])

    def allow(self, finding: str) -> None:
        """Findings of this kind are what the test wants, and do not make it fail."""
        self._call("org.virt-test.vm.Allow", {"vm": self.name, "finding": finding}, None, None)

    def wait_event(self, name: str, *, since: int | None = None, match: Mapping[str, Any] | None = None, timeout: float | None = None) -> Event:
        """Waits for an event that comes, or came, from number `since` on, or since the machine's start. `match`: members its data must
        have, such as {"status": "completed"}.
        """
        return self._call("org.virt-test.vm.WaitEvent", {"vm": self.name, "name": name, "since": since, "match": match, "timeout": timeout}, "event", Event)

    def hmp(self, line: str) -> str:
        """A line of QEMU's human monitor."""
        return self._call("org.virt-test.vm.Hmp", {"vm": self.name, "line": line}, "output", str)

    def plug(self, device: Device, *, guest: bool | None = None, timeout: float | None = None) -> Plugged:
        """Plugs a device in. `guest`: waits until the guest sees it, too; that needs the agent."""
        return self._call("org.virt-test.vm.Plug", {"vm": self.name, "device": device, "guest": guest, "timeout": timeout}, "device", Plugged)

    def unplug(self, id: str, *, guest: bool | None = None, timeout: float | None = None) -> float:
        """Asks the guest to let go of a device, waits until it has, and takes what was behind it back. `took` is in seconds.
        `guest`: waits until the guest does not see it any more, too.
        """
        return self._call("org.virt-test.vm.Unplug", {"vm": self.name, "id": id, "guest": guest, "timeout": timeout}, "took", float)

    def devices(self) -> list[Plugged]:
        """Devices that were plugged in and are there still."""
        return self._call("org.virt-test.vm.Devices", {"vm": self.name}, "devices", list[Plugged])

    def resize_memory(self, id: str, size: int) -> None:
        """Requests that the guest has so much of a virtio_mem device, and waits until it has."""
        self._call("org.virt-test.vm.ResizeMemory", {"vm": self.name, "id": id, "size": size}, None, None)

    def cancel_migration(self) -> None:
        """Cancels a migration under way: Migrate fails with MigrationFailed, and the source goes on."""
        self._call("org.virt-test.vm.CancelMigration", {"vm": self.name}, None, None)

    def save(self, file: str) -> Figures:
        """Stops the machine and writes its state to a file. Its disks go with the state."""
        return self._call("org.virt-test.vm.Save", {"vm": self.name, "file": file}, "figures", Figures)

    def restore(self, file: str) -> Machine:
        """Starts a machine with the state of a file, and its disks as they are. The one of that name must have been saved, and is killed
        first. Resume lets it run.
        """
        return self._call("org.virt-test.vm.Restore", {"vm": self.name, "file": file}, "machine", Machine)

    def save_snapshot(self, name: str, *, timeout: float | None = None) -> None:
        self._call("org.virt-test.vm.SaveSnapshot", {"vm": self.name, "name": name, "timeout": timeout}, None, None)

    def load_snapshot(self, name: str, *, timeout: float | None = None) -> None:
        self._call("org.virt-test.vm.LoadSnapshot", {"vm": self.name, "name": name, "timeout": timeout}, None, None)

    def delete_snapshot(self, name: str, *, timeout: float | None = None) -> None:
        self._call("org.virt-test.vm.DeleteSnapshot", {"vm": self.name, "name": name, "timeout": timeout}, None, None)

    def list_snapshots(self) -> list[Snapshot]:
        return self._call("org.virt-test.vm.ListSnapshots", {"vm": self.name}, "snapshots", list[Snapshot])

    def start_job(self, disk: str, kind: JobKind, *, id: str | None = None, target: str | None = None, speed: int | None = None) -> StartJobReply:
        """Starts a job on a disk of the machine. `target`: where mirror and backup copy to, a new qcow2 image; named and placed by itself where
        absent. Further jobs are started by Qmp. `path` is the target's.
        """
        return self._call("org.virt-test.vm.StartJob", {"vm": self.name, "disk": disk, "kind": kind, "id": id, "target": target, "speed": speed}, None, StartJobReply)

    def list_jobs(self) -> list[Job]:
        return self._call("org.virt-test.vm.ListJobs", {"vm": self.name}, "jobs", list[Job])

    def wait_job(self, id: str, *, ready: bool | None = None, timeout: float | None = None) -> JobEnd | None:
        """Waits until a job has ended; JobFailed where it failed. `ready`: only until it can be completed."""
        return self._call("org.virt-test.vm.WaitJob", {"vm": self.name, "id": id, "ready": ready, "timeout": timeout}, "end", JobEnd)

    def control_job(self, id: str, action: JobAction) -> None:
        self._call("org.virt-test.vm.ControlJob", {"vm": self.name, "id": id, "action": action}, None, None)

    def screendump(self, *, file: str | None = None) -> ScreendumpReply:
        """Writes what a graphics card shows to a file (PNG where QEMU can, and the name ends so; else PPM), by default in the test's directory.
        A machine has a card with `vga = std`.
        """
        return self._call("org.virt-test.vm.Screendump", {"vm": self.name, "file": file}, None, ScreendumpReply)

    def send_key(self, keys: list[str], *, hold: float | None = None) -> None:
        """Presses keys at once and lets them go: QKeyCode of QEMU, such as ["ctrl", "alt", "delete"]. `hold` is in seconds."""
        self._call("org.virt-test.vm.SendKey", {"vm": self.name, "keys": keys, "hold": hold}, None, None)


class SessionMethods(Caller):
    def push(self, guest: str, *, path: str | None = None, content: str | None = None, encoding: Encoding | None = None, timeout: float | None = None) -> PushReply:
        """From `path` on the host, or `content`, to `guest`."""
        return self._call("org.virt-test.files.Push", {"session": self.id, "guest": guest, "path": path, "content": content, "encoding": encoding, "timeout": timeout}, None, PushReply)

    def pull(self, guest: str, *, path: str | None = None, encoding: Encoding | None = None, timeout: float | None = None) -> PullReply:
        """From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
        UTF-8 is Invalid.
        """
        return self._call("org.virt-test.files.Pull", {"session": self.id, "guest": guest, "path": path, "encoding": encoding, "timeout": timeout}, None, PullReply)

    def close(self) -> None:
        self._call("org.virt-test.session.Close", {"session": self.id}, None, None)


class AsyncTestMethods(AsyncCaller):
    async def image_create(self, path: str, *, size: int | None = None, format: str | None = None, backing: str | None = None, backing_format: str | None = None, options: Mapping[str, str] | None = None) -> Image:
        """An empty image of `size`, or an overlay of `backing`. qcow2 if `format` is absent. `options` are those of qemu-img -o."""
        return await self._call("org.virt-test.image.Create", {"path": path, "size": size, "format": format, "backing": backing, "backing_format": backing_format, "options": options}, "image", Image)

    async def image_info(self, path: str) -> Image:
        return await self._call("org.virt-test.image.Info", {"path": path}, "image", Image)

    async def image_chain(self, path: str) -> list[Image]:
        """The image, what it is an overlay of, and so on."""
        return await self._call("org.virt-test.image.Chain", {"path": path}, "images", list[Image])

    async def image_check(self, path: str, *, format: str | None = None, repair: Repair | None = None) -> Report:
        return await self._call("org.virt-test.image.Check", {"path": path, "format": format, "repair": repair}, "report", Report)

    async def image_convert(self, path: str, target: str, format: str, *, target_format: str | None = None) -> Image:
        """Copies an image into one of another format."""
        return await self._call("org.virt-test.image.Convert", {"path": path, "target": target, "format": format, "target_format": target_format}, "image", Image)

    async def image_resize(self, path: str, format: str, size: int, *, shrink: bool | None = None) -> Image:
        """`shrink` must be said where what is cut off may be data."""
        return await self._call("org.virt-test.image.Resize", {"path": path, "format": format, "size": size, "shrink": shrink}, "image", Image)

    async def image_compare(self, path: str, format: str, other: str, other_format: str) -> bool:
        """Do two images have the same contents?"""
        return await self._call("org.virt-test.image.Compare", {"path": path, "format": format, "other": other, "other_format": other_format}, "same", bool)

    async def image_snapshot(self, path: str, action: SnapshotAction, name: str) -> Image:
        """Internal snapshots of an image no machine uses."""
        return await self._call("org.virt-test.image.Snapshot", {"path": path, "action": action, "name": name}, "image", Image)

    async def image_commit(self, path: str, format: str) -> None:
        """Writes what an overlay holds into what it is an overlay of."""
        await self._call("org.virt-test.image.Commit", {"path": path, "format": format}, None, None)

    async def network_info(self, network: str) -> NetworkInfoReply:
        """A private network: how many cards are on it, and the file its traffic is recorded in."""
        return await self._call("org.virt-test.network.Info", {"network": network}, None, NetworkInfoReply)

    async def session_list(self) -> list[SessionInfo]:
        return await self._call("org.virt-test.session.List", {}, "sessions", list[SessionInfo])

    async def info(self) -> TestInfo:
        return await self._call("org.virt-test.test.Info", {}, "info", TestInfo)

    async def params(self, *, objects: list[str] | None = None) -> dict[str, str]:
        """Parameters as configured, with defaults where the reference has some; with `objects`, as these see them, outermost first:
        ["vm1", "nic1"] for card nic1 of machine vm1.
        """
        return await self._call("org.virt-test.test.Params", {"objects": objects}, "params", dict[str, str])

    async def phase(self, phase: str) -> None:
        """Says what the test does now: shown on the live line, kept in the results."""
        await self._call("org.virt-test.test.Phase", {"phase": phase}, None, None)

    async def log(self, message: str, *, level: Level | None = None) -> None:
        """Writes to the test's debug.log."""
        await self._call("org.virt-test.test.Log", {"message": message, "level": level}, None, None)

    async def warn(self, message: str) -> None:
        """Something deserves a look: the test goes on, and ends with WARN if it passes."""
        await self._call("org.virt-test.test.Warn", {"message": message}, None, None)

    async def subtest(self, name: str, verdict: Verdict, *, reason: str | None = None) -> None:
        """A part of the test has come to its end. One that fails makes the test fail."""
        await self._call("org.virt-test.test.Subtest", {"name": name, "verdict": verdict, "reason": reason}, None, None)

    async def end(self) -> None:
        """Ends a session of `virt-test serve` and its machines. Invalid in a test, which ends with its program."""
        await self._call("org.virt-test.test.End", {}, None, None)

    async def vm_list(self) -> list[Machine]:
        """The machines of the configuration, running or not, and those that run."""
        return await self._call("org.virt-test.vm.List", {}, "machines", list[Machine])


class AsyncVmMethods(AsyncCaller):
    async def push(self, guest: str, *, path: str | None = None, content: str | None = None, encoding: Encoding | None = None, timeout: float | None = None) -> PushReply:
        """From `path` on the host, or `content`, to `guest`."""
        return await self._call("org.virt-test.files.Push", {"vm": self.name, "guest": guest, "path": path, "content": content, "encoding": encoding, "timeout": timeout}, None, PushReply)

    async def pull(self, guest: str, *, path: str | None = None, encoding: Encoding | None = None, timeout: float | None = None) -> PullReply:
        """From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
        UTF-8 is Invalid.
        """
        return await self._call("org.virt-test.files.Pull", {"vm": self.name, "guest": guest, "path": path, "encoding": encoding, "timeout": timeout}, None, PullReply)

    async def address(self, *, nic: str | None = None) -> str:
        """The address that the guest of `vm` has by a card on a private network; the first such card if `nic` is absent."""
        return await self._call("org.virt-test.network.Address", {"vm": self.name, "nic": nic}, "address", str)

    async def forwarded_port(self, port: int) -> int:
        """The port of this host that leads to one of the guest."""
        return await self._call("org.virt-test.network.ForwardedPort", {"vm": self.name, "port": port}, "port", int)

    async def set_link(self, nic: str, up: bool) -> None:
        """Plugs the cable of a card in or pulls it out."""
        await self._call("org.virt-test.network.SetLink", {"vm": self.name, "nic": nic, "up": up}, None, None)

    async def ssh(self, *, timeout: float | None = None) -> SshReply:
        """Logs in to the guest by SSH, and tells how a program of this host gets there, such as a user's terminal: `command` is a shell in the
        guest; with more words behind it, it runs these instead. It joins the session, asks for nothing, and ends with it. The machine is one
        with `shell_client = ssh`.
        """
        return await self._call("org.virt-test.session.Ssh", {"vm": self.name, "timeout": timeout}, None, SshReply)

    async def console_send(self, text: str, *, console: str | None = None) -> None:
        """Types on a console. No newline is added."""
        await self._call("org.virt-test.session.ConsoleSend", {"vm": self.name, "text": text, "console": console}, None, None)

    async def console_expect(self, pattern: str, *, console: str | None = None, from_now: bool | None = None, timeout: float | None = None) -> ConsoleExpectReply:
        """Waits until a console shows something that matches a regular expression, from the machine's start on. `before`: what came before.
        `from_now`: only what is to come counts.
        """
        return await self._call("org.virt-test.session.ConsoleExpect", {"vm": self.name, "pattern": pattern, "console": console, "from_now": from_now, "timeout": timeout}, None, ConsoleExpectReply)

    async def info(self) -> Machine:
        return await self._call("org.virt-test.vm.Info", {"vm": self.name}, "machine", Machine)

    async def start(self, *, params: Mapping[str, str] | None = None, paused: bool | None = None) -> Machine:
        """Starts a machine as the configuration says; `params` win over it, for this machine and until its next start. One of that name
        that runs is killed first. A name that the configuration does not know makes a machine of the parameters all machines share.
        `paused`: its CPUs do not run yet. It returns when QEMU runs; Session.Open or Exec wait for the guest.
        """
        return await self._call("org.virt-test.vm.Start", {"vm": self.name, "params": params, "paused": paused}, "machine", Machine)

    async def stop(self, *, force: bool | None = None) -> StopReply:
        """Ends a machine: asks the guest by agent, shell and ACPI, then QEMU, then kills. `ended_by` is what did it. `force`: kills at once."""
        return await self._call("org.virt-test.vm.Stop", {"vm": self.name, "force": force}, None, StopReply)

    async def powerdown(self) -> None:
        """Presses the power button, and returns when QEMU has: WaitExit waits for the guest to be off."""
        await self._call("org.virt-test.vm.Powerdown", {"vm": self.name}, None, None)

    async def reset(self) -> None:
        """Presses the reset button; returns when the machine has been reset."""
        await self._call("org.virt-test.vm.Reset", {"vm": self.name}, None, None)

    async def pause(self) -> None:
        """Stops its CPUs, and lets them go on."""
        await self._call("org.virt-test.vm.Pause", {"vm": self.name}, None, None)

    async def resume(self) -> None:
        await self._call("org.virt-test.vm.Resume", {"vm": self.name}, None, None)

    async def suspend(self, *, to: Suspension | None = None, timeout: float | None = None) -> None:
        """Lets the guest suspend itself, by its agent, and waits until it has. Suspended to disk the machine has ended."""
        await self._call("org.virt-test.vm.Suspend", {"vm": self.name, "to": to, "timeout": timeout}, None, None)

    async def wakeup(self) -> None:
        """Wakes a guest that is suspended to RAM."""
        await self._call("org.virt-test.vm.Wakeup", {"vm": self.name}, None, None)

    async def nmi(self) -> None:
        """Sends a non-maskable interrupt."""
        await self._call("org.virt-test.vm.Nmi", {"vm": self.name}, None, None)

    async def wait_exit(self, *, timeout: float | None = None) -> Exit:
        """Waits until QEMU has ended, however that comes."""
        return await self._call("org.virt-test.vm.WaitExit", {"vm": self.name, "timeout": timeout}, "exit", Exit)

    async def wait_status(self, status: str, *, timeout: float | None = None) -> None:
        """Waits until the machine is in a run state, such as paused."""
        await self._call("org.virt-test.vm.WaitStatus", {"vm": self.name, "status": status, "timeout": timeout}, None, None)

    async def findings(self) -> list[Finding]:
        """What was found to be wrong with the machine and its guest: oopses, lockups, I/O errors, …"""
        return await self._call("org.virt-test.vm.Findings", {"vm": self.name}, "findings", list[Finding])

    async def allow(self, finding: str) -> None:
        """Findings of this kind are what the test wants, and do not make it fail."""
        await self._call("org.virt-test.vm.Allow", {"vm": self.name, "finding": finding}, None, None)

    async def wait_event(self, name: str, *, since: int | None = None, match: Mapping[str, Any] | None = None, timeout: float | None = None) -> Event:
        """Waits for an event that comes, or came, from number `since` on, or since the machine's start. `match`: members its data must
        have, such as {"status": "completed"}.
        """
        return await self._call("org.virt-test.vm.WaitEvent", {"vm": self.name, "name": name, "since": since, "match": match, "timeout": timeout}, "event", Event)

    async def hmp(self, line: str) -> str:
        """A line of QEMU's human monitor."""
        return await self._call("org.virt-test.vm.Hmp", {"vm": self.name, "line": line}, "output", str)

    async def plug(self, device: Device, *, guest: bool | None = None, timeout: float | None = None) -> Plugged:
        """Plugs a device in. `guest`: waits until the guest sees it, too; that needs the agent."""
        return await self._call("org.virt-test.vm.Plug", {"vm": self.name, "device": device, "guest": guest, "timeout": timeout}, "device", Plugged)

    async def unplug(self, id: str, *, guest: bool | None = None, timeout: float | None = None) -> float:
        """Asks the guest to let go of a device, waits until it has, and takes what was behind it back. `took` is in seconds.
        `guest`: waits until the guest does not see it any more, too.
        """
        return await self._call("org.virt-test.vm.Unplug", {"vm": self.name, "id": id, "guest": guest, "timeout": timeout}, "took", float)

    async def devices(self) -> list[Plugged]:
        """Devices that were plugged in and are there still."""
        return await self._call("org.virt-test.vm.Devices", {"vm": self.name}, "devices", list[Plugged])

    async def resize_memory(self, id: str, size: int) -> None:
        """Requests that the guest has so much of a virtio_mem device, and waits until it has."""
        await self._call("org.virt-test.vm.ResizeMemory", {"vm": self.name, "id": id, "size": size}, None, None)

    async def cancel_migration(self) -> None:
        """Cancels a migration under way: Migrate fails with MigrationFailed, and the source goes on."""
        await self._call("org.virt-test.vm.CancelMigration", {"vm": self.name}, None, None)

    async def save(self, file: str) -> Figures:
        """Stops the machine and writes its state to a file. Its disks go with the state."""
        return await self._call("org.virt-test.vm.Save", {"vm": self.name, "file": file}, "figures", Figures)

    async def restore(self, file: str) -> Machine:
        """Starts a machine with the state of a file, and its disks as they are. The one of that name must have been saved, and is killed
        first. Resume lets it run.
        """
        return await self._call("org.virt-test.vm.Restore", {"vm": self.name, "file": file}, "machine", Machine)

    async def save_snapshot(self, name: str, *, timeout: float | None = None) -> None:
        await self._call("org.virt-test.vm.SaveSnapshot", {"vm": self.name, "name": name, "timeout": timeout}, None, None)

    async def load_snapshot(self, name: str, *, timeout: float | None = None) -> None:
        await self._call("org.virt-test.vm.LoadSnapshot", {"vm": self.name, "name": name, "timeout": timeout}, None, None)

    async def delete_snapshot(self, name: str, *, timeout: float | None = None) -> None:
        await self._call("org.virt-test.vm.DeleteSnapshot", {"vm": self.name, "name": name, "timeout": timeout}, None, None)

    async def list_snapshots(self) -> list[Snapshot]:
        return await self._call("org.virt-test.vm.ListSnapshots", {"vm": self.name}, "snapshots", list[Snapshot])

    async def start_job(self, disk: str, kind: JobKind, *, id: str | None = None, target: str | None = None, speed: int | None = None) -> StartJobReply:
        """Starts a job on a disk of the machine. `target`: where mirror and backup copy to, a new qcow2 image; named and placed by itself where
        absent. Further jobs are started by Qmp. `path` is the target's.
        """
        return await self._call("org.virt-test.vm.StartJob", {"vm": self.name, "disk": disk, "kind": kind, "id": id, "target": target, "speed": speed}, None, StartJobReply)

    async def list_jobs(self) -> list[Job]:
        return await self._call("org.virt-test.vm.ListJobs", {"vm": self.name}, "jobs", list[Job])

    async def wait_job(self, id: str, *, ready: bool | None = None, timeout: float | None = None) -> JobEnd | None:
        """Waits until a job has ended; JobFailed where it failed. `ready`: only until it can be completed."""
        return await self._call("org.virt-test.vm.WaitJob", {"vm": self.name, "id": id, "ready": ready, "timeout": timeout}, "end", JobEnd)

    async def control_job(self, id: str, action: JobAction) -> None:
        await self._call("org.virt-test.vm.ControlJob", {"vm": self.name, "id": id, "action": action}, None, None)

    async def screendump(self, *, file: str | None = None) -> ScreendumpReply:
        """Writes what a graphics card shows to a file (PNG where QEMU can, and the name ends so; else PPM), by default in the test's directory.
        A machine has a card with `vga = std`.
        """
        return await self._call("org.virt-test.vm.Screendump", {"vm": self.name, "file": file}, None, ScreendumpReply)

    async def send_key(self, keys: list[str], *, hold: float | None = None) -> None:
        """Presses keys at once and lets them go: QKeyCode of QEMU, such as ["ctrl", "alt", "delete"]. `hold` is in seconds."""
        await self._call("org.virt-test.vm.SendKey", {"vm": self.name, "keys": keys, "hold": hold}, None, None)


class AsyncSessionMethods(AsyncCaller):
    async def push(self, guest: str, *, path: str | None = None, content: str | None = None, encoding: Encoding | None = None, timeout: float | None = None) -> PushReply:
        """From `path` on the host, or `content`, to `guest`."""
        return await self._call("org.virt-test.files.Push", {"session": self.id, "guest": guest, "path": path, "content": content, "encoding": encoding, "timeout": timeout}, None, PushReply)

    async def pull(self, guest: str, *, path: str | None = None, encoding: Encoding | None = None, timeout: float | None = None) -> PullReply:
        """From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
        UTF-8 is Invalid.
        """
        return await self._call("org.virt-test.files.Pull", {"session": self.id, "guest": guest, "path": path, "encoding": encoding, "timeout": timeout}, None, PullReply)

    async def close(self) -> None:
        await self._call("org.virt-test.session.Close", {"session": self.id}, None, None)
