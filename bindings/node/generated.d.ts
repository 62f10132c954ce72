// Made by `cargo test -p bindings` from crates/control/idl; not to be edited.

import { CallError, CallOptions, Caller } from './client.js';

/**
 * fail: guest or QEMU did wrong. error: our side could not do its part. skip: this QEMU or this host lacks what is asked for.
 */
export type Verdict = 'fail' | 'error' | 'skip' | 'pass' | 'warn';

/**
 * text: UTF-8. base64: any bytes.
 */
export type Encoding = 'text' | 'base64';

export interface ImageSnapshot {
  id: string;
  name: string;
  vm_state_size: number;
}

/**
 * Sizes are bytes. `format_specific` is what only the format knows, as qemu-img tells it.
 */
export interface Image {
  path: string;
  format: string;
  virtual_size: number;
  actual_size?: number | null;
  cluster_size?: number | null;
  backing?: string | null;
  backing_format?: string | null;
  dirty: boolean;
  snapshots: ImageSnapshot[];
  format_specific?: any | null;
}

/**
 * `clean`: nothing is wrong. `checked`: false where the format has nothing to check.
 */
export interface Report {
  clean: boolean;
  checked: boolean;
  check_errors: number;
  corruptions: number;
  leaks: number;
  corruptions_fixed: number;
  leaks_fixed: number;
}

export type Repair = 'none' | 'leaks' | 'all';

export type SnapshotAction = 'create' | 'apply' | 'delete';

/**
 * standard: as the machine's `shell_client` says, else the agent where the machine has one, else the first console.
 */
export type Channel = 'standard' | 'serial' | 'virtio_console' | 'agent' | 'ssh';

export interface SessionInfo {
  id: string;
  vm: string;
  channel: string;
}

/**
 * A piece of output of a command: of its standard output, unless `stderr`.
 */
export interface Chunk {
  stderr: boolean;
  data: string;
}

/**
 * `status`: what the command exited with; else it was ended by `signal`. `truncated`: there was more than is kept, 16 MiB.
 * `elapsed` is in seconds.
 */
export interface Output {
  status?: number | null;
  signal?: number | null;
  stdout: string;
  stderr: string;
  truncated: boolean;
  elapsed: number;
}

export type Level = 'debug' | 'info' | 'warn' | 'error';

/**
 * `name`: full name of the variant. `dir`: directory of its evidence, where files of its own belong; relative paths of all
 * methods start there. `main_vm`: the machine a test with one machine uses. `vms`: machines of the configuration, running or not.
 * `elapsed` and `remaining`: seconds since it began, and until it is out of time; absent where it may take as long as it likes.
 * `scale`: how much slower than the reference host this one is now; time limits given to methods are stretched by it.
 * `session`: is this one of `virt-test serve`, rather than a test?
 */
export interface TestInfo {
  name: string;
  dir: string;
  main_vm?: string | null;
  vms: string[];
  elapsed: number;
  remaining?: number | null;
  scale: number;
  session: boolean;
}

export type State = 'absent' | 'running' | 'ended';

/**
 * `node`: name of the block node, for block commands of QMP.
 */
export interface Disk {
  id: string;
  path: string;
  format: string;
  node: string;
  readonly: boolean;
}

export interface Nic {
  id: string;
  model: string;
  mac: string;
  network?: string | null;
}

/**
 * `state`: is there a QEMU? `status`: its run state, such as running or paused. `cursor`: number of the next event.
 * `exit`: how QEMU ended. `consoles`: serial and virtio consoles, the first being the one logged in on.
 */
export interface Machine {
  name: string;
  state: State;
  status?: string | null;
  pid?: number | null;
  uptime?: number | null;
  accelerator?: string | null;
  machine_type?: string | null;
  qemu_version?: string | null;
  cpus?: number | null;
  memory?: number | null;
  disks: Disk[];
  nics: Nic[];
  consoles: string[];
  log_dir?: string | null;
  cursor?: number | null;
  exit?: Exit | null;
}

/**
 * How a QEMU ended: by an exit code or by a signal. `reason`: ShutdownCause of QEMU, such as guest-shutdown.
 */
export interface Exit {
  code?: number | null;
  signal?: number | null;
  clean: boolean;
  reason?: string | null;
  summary: string;
}

export type Suspension = 'ram' | 'disk';

/**
 * `at`: seconds since the machine was started. `severity`: note, warning, fatal.
 */
export interface Finding {
  kind: string;
  severity: string;
  summary: string;
  at: number;
}

/**
 * `seq`: number of the event, from 0. `time`: seconds since 1970 by QEMU's clock.
 */
export interface Event {
  seq: number;
  name: string;
  data?: any | null;
  time?: number | null;
}

/**
 * A device to be plugged in. `id`: made from the kind where absent. What the kind does not have is refused.
 *   disk              path and format of an image, or the size of an empty one to be made; bus (virtio_blk, virtio_scsi, nvme, usb),
 *                     controller, cache, readonly, serial
 *   nic               model (virtio_net, e1000, e1000e, rtl8139), mac, network: name of a private one; QEMU's user network if absent
 *   dimm              size
 *   virtio_mem        size, requested
 *   pci               driver
 *   usb_*             controller
 *   watchdog          model
 * Sizes are bytes. `properties`: further ones of the device, for disk, nic and pci.
 */
export type DeviceKind = 'disk' | 'nic' | 'scsi_controller' | 'usb_controller' | 'usb_hub' | 'usb_tablet' | 'usb_mouse' | 'usb_keyboard' | 'cpu' | 'dimm' | 'virtio_mem' | 'virtio_port' | 'virtio_console' | 'pci_serial' | 'rng' | 'balloon' | 'watchdog' | 'iothread' | 'pci';

export interface Device {
  kind: DeviceKind;
  id?: string | null;
  path?: string | null;
  format?: string | null;
  size?: number | null;
  bus?: string | null;
  controller?: string | null;
  cache?: string | null;
  readonly?: boolean | null;
  serial?: string | null;
  model?: string | null;
  mac?: string | null;
  network?: string | null;
  requested?: number | null;
  driver?: string | null;
  properties?: Record<string, string> | null;
}

/**
 * `pci`: the guest's PCI address of it, or of the controller it hangs on. `guest`: what the guest says of it, where it was asked.
 */
export interface Plugged {
  id: string;
  kind: DeviceKind;
  pci?: string | null;
  guest?: string | null;
}

/**
 * Figures of a migration: sizes are bytes, times seconds. `status` is QEMU's MigrationStatus.
 */
export interface Figures {
  status: string;
  transferred: number;
  remaining: number;
  total: number;
  mbps: number;
  dirty_pages_rate: number;
  dirty_sync_count: number;
  postcopy_requests: number;
  elapsed?: number | null;
  setup?: number | null;
  expected_downtime?: number | null;
  downtime?: number | null;
  throttle?: number | null;
}

/**
 * What is absent stays as QEMU has it. Sizes are bytes (a second), times seconds.
 */
export interface MigrationParameters {
  max_bandwidth?: number | null;
  max_postcopy_bandwidth?: number | null;
  downtime_limit?: number | null;
  multifd_channels?: number | null;
  multifd_compression?: string | null;
  xbzrle_cache_size?: number | null;
  cpu_throttle_initial?: number | null;
  cpu_throttle_increment?: number | null;
  max_cpu_throttle?: number | null;
}

/**
 * Snapshots of memory and disks inside the disks, which must be qcow2.
 */
export interface Snapshot {
  name: string;
  id: string;
  vm_state_size: number;
}

/**
 * A background job of QEMU. `progress` of `total` in units of its own.
 */
export interface Job {
  id: string;
  kind: string;
  status: string;
  progress: number;
  total: number;
  error?: string | null;
}

export type JobKind = 'mirror' | 'backup' | 'commit' | 'stream';

export type JobAction = 'complete' | 'cancel' | 'pause' | 'resume';

export type JobEnd = 'succeeded' | 'cancelled';

/**
 * There is no such machine, session, snapshot, job, parameter. `known` are those there are.
 */
export class NotFoundError extends CallError {
  details: {
    name: string;
    known: string[];
  };
}

/**
 * What is asked for cannot be, whatever the machine.
 */
export class InvalidError extends CallError {
}

/**
 * This QEMU or this host cannot do it. The verdict is skip.
 */
export class UnsupportedError extends CallError {
}

/**
 * QEMU ended before it spoke.
 */
export class StartFailedError extends CallError {
  details: {
    stderr: string;
  };
}

/**
 * QEMU refused a command, or its monitor failed. `class` and `description` are QEMU's, where it answered.
 */
export class MonitorFailedError extends CallError {
  details: {
    class?: string | null;
    description?: string | null;
  };
}

/**
 * Talking to the guest failed. `agent_class` is the guest agent's, where that refused.
 */
export class GuestFailedError extends CallError {
  details: {
    agent_class?: string | null;
  };
}

/**
 * It did not come in time. `waited` is in seconds.
 */
export class TimedOutError extends CallError {
  details: {
    awaited: string;
    waited: number;
  };
}

/**
 * The machine was found to be fatally unwell: a panic of the guest, a dead end of the firmware, … `finding` is the kind.
 */
export class UnwellError extends CallError {
  details: {
    finding: string;
  };
}

/**
 * The machine ended while something else was awaited. `exit` says how QEMU ended.
 */
export class EndedError extends CallError {
  details: {
    exit: string;
  };
}

/**
 * A device could not be plugged or unplugged. `refused` where the guest would not let go of it.
 */
export class PlugFailedError extends CallError {
  details: {
    refused: boolean;
  };
}

/**
 * A migration, a save or a restore failed. `phase` is how far it had come; `source` and `destination` what both sides said;
 * `source_state` the state of the source after it, absent where it is gone.
 */
export class MigrationFailedError extends CallError {
  details: {
    phase: string;
    source?: string | null;
    destination?: string | null;
    source_state?: string | null;
  };
}

/**
 * A job of QEMU ended in a way it was not to.
 */
export class JobFailedError extends CallError {
  details: {
    job: string;
  };
}

/**
 * Our side failed: a file, a socket, a process, memory.
 */
export class HostFailedError extends CallError {
}

export const ERRORS: Record<string, typeof CallError>;

/** What `push` can do without. */
export interface PushOptions extends CallOptions {
  path?: string | null;
  content?: string | null;
  encoding?: Encoding | null;
  timeout?: number | null;
}

/** What `push` replies. */
export interface PushReply {
  size: number;
  sha256: string;
}

/** What `pull` can do without. */
export interface PullOptions extends CallOptions {
  path?: string | null;
  encoding?: Encoding | null;
  timeout?: number | null;
}

/** What `pull` replies. */
export interface PullReply {
  size: number;
  sha256: string;
  content?: string | null;
}

/** What `imageCreate` can do without. */
export interface ImageCreateOptions extends CallOptions {
  size?: number | null;
  format?: string | null;
  backing?: string | null;
  backing_format?: string | null;
  options?: Record<string, string> | null;
}

/** What `imageCheck` can do without. */
export interface ImageCheckOptions extends CallOptions {
  format?: string | null;
  repair?: Repair | null;
}

/** What `imageConvert` can do without. */
export interface ImageConvertOptions extends CallOptions {
  target_format?: string | null;
}

/** What `imageResize` can do without. */
export interface ImageResizeOptions extends CallOptions {
  shrink?: boolean | null;
}

/** What `address` can do without. */
export interface AddressOptions extends CallOptions {
  nic?: string | null;
}

/** What `networkInfo` replies. */
export interface NetworkInfoReply {
  ports: number;
  capture: string;
}

/** What `open` can do without. */
export interface OpenOptions extends CallOptions {
  channel?: Channel | null;
  timeout?: number | null;
}

/** What `ssh` can do without. */
export interface SshOptions extends CallOptions {
  timeout?: number | null;
}

/** What `ssh` replies. */
export interface SshReply {
  session: SessionInfo;
  command: string[];
}

/** What `exec` can do without. */
export interface ExecOptions extends CallOptions {
  command?: string | null;
  argv?: string[] | null;
  input?: string | null;
  env?: Record<string, string> | null;
  encoding?: Encoding | null;
  timeout?: number | null;
}

/** What `exec` replies. */
export interface ExecReply {
  chunk?: Chunk | null;
  output?: Output | null;
}

/** What `console` can do without. */
export interface ConsoleOptions extends CallOptions {
  console?: string | null;
  from_now?: boolean | null;
}

/** What `consoleSend` can do without. */
export interface ConsoleSendOptions extends CallOptions {
  console?: string | null;
}

/** What `consoleExpect` can do without. */
export interface ConsoleExpectOptions extends CallOptions {
  console?: string | null;
  from_now?: boolean | null;
  timeout?: number | null;
}

/** What `consoleExpect` replies. */
export interface ConsoleExpectReply {
  before: string;
  text: string;
}

/** What `agent` can do without. */
export interface AgentOptions extends CallOptions {
  arguments?: any | null;
  timeout?: number | null;
}

/** What `params` can do without. */
export interface ParamsOptions extends CallOptions {
  objects?: string[] | null;
}

/** What `log` can do without. */
export interface LogOptions extends CallOptions {
  level?: Level | null;
}

/** What `subtest` can do without. */
export interface SubtestOptions extends CallOptions {
  reason?: string | null;
}

/** What `start` can do without. */
export interface StartOptions extends CallOptions {
  params?: Record<string, string> | null;
  paused?: boolean | null;
}

/** What `stop` can do without. */
export interface StopOptions extends CallOptions {
  force?: boolean | null;
}

/** What `stop` replies. */
export interface StopReply {
  ended_by: string;
  exit: Exit;
}

/** What `suspend` can do without. */
export interface SuspendOptions extends CallOptions {
  to?: Suspension | null;
  timeout?: number | null;
}

/** What `waitExit` can do without. */
export interface WaitExitOptions extends CallOptions {
  timeout?: number | null;
}

/** What `waitStatus` can do without. */
export interface WaitStatusOptions extends CallOptions {
  timeout?: number | null;
}

/** What `events` can do without. */
export interface EventsOptions extends CallOptions {
  since?: number | null;
  names?: string[] | null;
}

/** What `events` replies. */
export interface EventsReply {
  event?: Event | null;
  events: Event[];
}

/** What `waitEvent` can do without. */
export interface WaitEventOptions extends CallOptions {
  since?: number | null;
  match?: any | null;
  timeout?: number | null;
}

/** What `qmp` can do without. */
export interface QmpOptions extends CallOptions {
  arguments?: any | null;
  timeout?: number | null;
}

/** What `plug` can do without. */
export interface PlugOptions extends CallOptions {
  guest?: boolean | null;
  timeout?: number | null;
}

/** What `unplug` can do without. */
export interface UnplugOptions extends CallOptions {
  guest?: boolean | null;
  timeout?: number | null;
}

/** What `migrate` can do without. */
export interface MigrateOptions extends CallOptions {
  transport?: string | null;
  capabilities?: string[] | null;
  parameters?: MigrationParameters | null;
  postcopy?: boolean | null;
  timeout?: number | null;
}

/** What `migrate` replies. */
export interface MigrateReply {
  progress?: Figures | null;
  figures?: Figures | null;
  standstill?: number | null;
}

/** What `saveSnapshot` can do without. */
export interface SaveSnapshotOptions extends CallOptions {
  timeout?: number | null;
}

/** What `loadSnapshot` can do without. */
export interface LoadSnapshotOptions extends CallOptions {
  timeout?: number | null;
}

/** What `deleteSnapshot` can do without. */
export interface DeleteSnapshotOptions extends CallOptions {
  timeout?: number | null;
}

/** What `startJob` can do without. */
export interface StartJobOptions extends CallOptions {
  id?: string | null;
  target?: string | null;
  speed?: number | null;
}

/** What `startJob` replies. */
export interface StartJobReply {
  id: string;
  path?: string | null;
}

/** What `waitJob` can do without. */
export interface WaitJobOptions extends CallOptions {
  ready?: boolean | null;
  timeout?: number | null;
}

/** What `screendump` can do without. */
export interface ScreendumpOptions extends CallOptions {
  file?: string | null;
}

/** What `screendump` replies. */
export interface ScreendumpReply {
  file: string;
  width: number;
  height: number;
}

/** What `sendKey` can do without. */
export interface SendKeyOptions extends CallOptions {
  hold?: number | null;
}

export class TestMethods extends Caller {
  /**
   * An empty image of `size`, or an overlay of `backing`. qcow2 if `format` is absent. `options` are those of qemu-img -o.
   */
  imageCreate(path: string, options?: ImageCreateOptions): Promise<Image>;

  imageInfo(path: string, options?: CallOptions): Promise<Image>;

  /**
   * The image, what it is an overlay of, and so on.
   */
  imageChain(path: string, options?: CallOptions): Promise<Image[]>;

  imageCheck(path: string, options?: ImageCheckOptions): Promise<Report>;

  /**
   * Copies an image into one of another format.
   */
  imageConvert(path: string, target: string, format: string, options?: ImageConvertOptions): Promise<Image>;

  /**
   * `shrink` must be said where what is cut off may be data.
   */
  imageResize(path: string, format: string, size: number, options?: ImageResizeOptions): Promise<Image>;

  /**
   * Do two images have the same contents?
   */
  imageCompare(path: string, format: string, other: string, otherFormat: string, options?: CallOptions): Promise<boolean>;

  /**
   * Internal snapshots of an image no machine uses.
   */
  imageSnapshot(path: string, action: SnapshotAction, name: string, options?: CallOptions): Promise<Image>;

  /**
   * Writes what an overlay holds into what it is an overlay of.
   */
  imageCommit(path: string, format: string, options?: CallOptions): Promise<void>;

  /**
   * A private network: how many cards are on it, and the file its traffic is recorded in.
   */
  networkInfo(network: string, options?: CallOptions): Promise<NetworkInfoReply>;

  sessionList(options?: CallOptions): Promise<SessionInfo[]>;

  info(options?: CallOptions): Promise<TestInfo>;

  /**
   * Parameters as configured, with defaults where the reference has some; with `objects`, as these see them, outermost first:
   * ["vm1", "nic1"] for card nic1 of machine vm1.
   */
  params(options?: ParamsOptions): Promise<Record<string, string>>;

  /**
   * Says what the test does now: shown on the live line, kept in the results.
   */
  phase(phase: string, options?: CallOptions): Promise<void>;

  /**
   * Writes to the test's debug.log.
   */
  log(message: string, options?: LogOptions): Promise<void>;

  /**
   * Something deserves a look: the test goes on, and ends with WARN if it passes.
   */
  warn(message: string, options?: CallOptions): Promise<void>;

  /**
   * A part of the test has come to its end. One that fails makes the test fail.
   */
  subtest(name: string, verdict: Verdict, options?: SubtestOptions): Promise<void>;

  /**
   * Ends a session of `virt-test serve` and its machines. Invalid in a test, which ends with its program.
   */
  end(options?: CallOptions): Promise<void>;

  /**
   * The machines of the configuration, running or not, and those that run.
   */
  vmList(options?: CallOptions): Promise<Machine[]>;
}

export class VmMethods extends Caller {
  /**
   * From `path` on the host, or `content`, to `guest`.
   */
  push(guest: string, options?: PushOptions): Promise<PushReply>;

  /**
   * From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
   * UTF-8 is Invalid.
   */
  pull(guest: string, options?: PullOptions): Promise<PullReply>;

  /**
   * The address that the guest of `vm` has by a card on a private network; the first such card if `nic` is absent.
   */
  address(options?: AddressOptions): Promise<string>;

  /**
   * The port of this host that leads to one of the guest.
   */
  forwardedPort(port: number, options?: CallOptions): Promise<number>;

  /**
   * Plugs the cable of a card in or pulls it out.
   */
  setLink(nic: string, up: boolean, options?: CallOptions): Promise<void>;

  /**
   * Logs in to the guest by SSH, and tells how a program of this host gets there, such as a user's terminal: `command` is a shell in the
   * guest; with more words behind it, it runs these instead. It joins the session, asks for nothing, and ends with it. The machine is one
   * with `shell_client = ssh`.
   */
  ssh(options?: SshOptions): Promise<SshReply>;

  /**
   * Types on a console. No newline is added.
   */
  consoleSend(text: string, options?: ConsoleSendOptions): Promise<void>;

  /**
   * Waits until a console shows something that matches a regular expression, from the machine's start on. `before`: what came before.
   * `from_now`: only what is to come counts.
   */
  consoleExpect(pattern: string, options?: ConsoleExpectOptions): Promise<ConsoleExpectReply>;

  info(options?: CallOptions): Promise<Machine>;

  /**
   * Starts a machine as the configuration says; `params` win over it, for this machine and until its next start. One of that name
   * that runs is killed first. A name that the configuration does not know makes a machine of the parameters all machines share.
   * `paused`: its CPUs do not run yet. It returns when QEMU runs; Session.Open or Exec wait for the guest.
   */
  start(options?: StartOptions): Promise<Machine>;

  /**
   * Ends a machine: asks the guest by agent, shell and ACPI, then QEMU, then kills. `ended_by` is what did it. `force`: kills at once.
   */
  stop(options?: StopOptions): Promise<StopReply>;

  /**
   * Presses the power button, and returns when QEMU has: WaitExit waits for the guest to be off.
   */
  powerdown(options?: CallOptions): Promise<void>;

  /**
   * Presses the reset button; returns when the machine has been reset.
   */
  reset(options?: CallOptions): Promise<void>;

  /**
   * Stops its CPUs, and lets them go on.
   */
  pause(options?: CallOptions): Promise<void>;

  resume(options?: CallOptions): Promise<void>;

  /**
   * Lets the guest suspend itself, by its agent, and waits until it has. Suspended to disk the machine has ended.
   */
  suspend(options?: SuspendOptions): Promise<void>;

  /**
   * Wakes a guest that is suspended to RAM.
   */
  wakeup(options?: CallOptions): Promise<void>;

  /**
   * Sends a non-maskable interrupt.
   */
  nmi(options?: CallOptions): Promise<void>;

  /**
   * Waits until QEMU has ended, however that comes.
   */
  waitExit(options?: WaitExitOptions): Promise<Exit>;

  /**
   * Waits until the machine is in a run state, such as paused.
   */
  waitStatus(status: string, options?: WaitStatusOptions): Promise<void>;

  /**
   * What was found to be wrong with the machine and its guest: oopses, lockups, I/O errors, …
   */
  findings(options?: CallOptions): Promise<Finding[]>;

  /**
   * Findings of this kind are what the test wants, and do not make it fail.
   */
  allow(finding: string, options?: CallOptions): Promise<void>;

  /**
   * Waits for an event that comes, or came, from number `since` on, or since the machine's start. `match`: members its data must
   * have, such as {"status": "completed"}.
   */
  waitEvent(name: string, options?: WaitEventOptions): Promise<Event>;

  /**
   * A line of QEMU's human monitor.
   */
  hmp(line: string, options?: CallOptions): Promise<string>;

  /**
   * Plugs a device in. `guest`: waits until the guest sees it, too; that needs the agent.
   */
  plug(device: Device, options?: PlugOptions): Promise<Plugged>;

  /**
   * Asks the guest to let go of a device, waits until it has, and takes what was behind it back. `took` is in seconds.
   * `guest`: waits until the guest does not see it any more, too.
   */
  unplug(id: string, options?: UnplugOptions): Promise<number>;

  /**
   * Devices that were plugged in and are there still.
   */
  devices(options?: CallOptions): Promise<Plugged[]>;

  /**
   * Requests that the guest has so much of a virtio_mem device, and waits until it has.
   */
  resizeMemory(id: string, size: number, options?: CallOptions): Promise<void>;

  /**
   * Cancels a migration under way: Migrate fails with MigrationFailed, and the source goes on.
   */
  cancelMigration(options?: CallOptions): Promise<void>;

  /**
   * Stops the machine and writes its state to a file. Its disks go with the state.
   */
  save(file: string, options?: CallOptions): Promise<Figures>;

  /**
   * Starts a machine with the state of a file, and its disks as they are. The one of that name must have been saved, and is killed
   * first. Resume lets it run.
   */
  restore(file: string, options?: CallOptions): Promise<Machine>;

  saveSnapshot(name: string, options?: SaveSnapshotOptions): Promise<void>;

  loadSnapshot(name: string, options?: LoadSnapshotOptions): Promise<void>;

  deleteSnapshot(name: string, options?: DeleteSnapshotOptions): Promise<void>;

  listSnapshots(options?: CallOptions): Promise<Snapshot[]>;

  /**
   * Starts a job on a disk of the machine. `target`: where mirror and backup copy to, a new qcow2 image; named and placed by itself where
   * absent. Further jobs are started by Qmp. `path` is the target's.
   */
  startJob(disk: string, kind: JobKind, options?: StartJobOptions): Promise<StartJobReply>;

  listJobs(options?: CallOptions): Promise<Job[]>;

  /**
   * Waits until a job has ended; JobFailed where it failed. `ready`: only until it can be completed.
   */
  waitJob(id: string, options?: WaitJobOptions): Promise<JobEnd | undefined>;

  controlJob(id: string, action: JobAction, options?: CallOptions): Promise<void>;

  /**
   * Writes what a graphics card shows to a file (PNG where QEMU can, and the name ends so; else PPM), by default in the test's directory.
   * A machine has a card with `vga = std`.
   */
  screendump(options?: ScreendumpOptions): Promise<ScreendumpReply>;

  /**
   * Presses keys at once and lets them go: QKeyCode of QEMU, such as ["ctrl", "alt", "delete"]. `hold` is in seconds.
   */
  sendKey(keys: string[], options?: SendKeyOptions): Promise<void>;
}

export class SessionMethods extends Caller {
  /**
   * From `path` on the host, or `content`, to `guest`.
   */
  push(guest: string, options?: PushOptions): Promise<PushReply>;

  /**
   * From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
   * UTF-8 is Invalid.
   */
  pull(guest: string, options?: PullOptions): Promise<PullReply>;

  close(options?: CallOptions): Promise<void>;
}
