// Made by `cargo test -p bindings` from crates/control/idl; not to be edited.

import { CallError, Caller } from './client.js';

export class NotFoundError extends CallError {}
export class InvalidError extends CallError {}
export class UnsupportedError extends CallError {}
export class StartFailedError extends CallError {}
export class MonitorFailedError extends CallError {}
export class GuestFailedError extends CallError {}
export class TimedOutError extends CallError {}
export class UnwellError extends CallError {}
export class EndedError extends CallError {}
export class PlugFailedError extends CallError {}
export class MigrationFailedError extends CallError {}
export class JobFailedError extends CallError {}
export class HostFailedError extends CallError {}

export const ERRORS = {
  'org.virt-test.error.NotFound': NotFoundError,
  'org.virt-test.error.Invalid': InvalidError,
  'org.virt-test.error.Unsupported': UnsupportedError,
  'org.virt-test.error.StartFailed': StartFailedError,
  'org.virt-test.error.MonitorFailed': MonitorFailedError,
  'org.virt-test.error.GuestFailed': GuestFailedError,
  'org.virt-test.error.TimedOut': TimedOutError,
  'org.virt-test.error.Unwell': UnwellError,
  'org.virt-test.error.Ended': EndedError,
  'org.virt-test.error.PlugFailed': PlugFailedError,
  'org.virt-test.error.MigrationFailed': MigrationFailedError,
  'org.virt-test.error.JobFailed': JobFailedError,
  'org.virt-test.error.HostFailed': HostFailedError,
};

export class TestMethods extends Caller {
  imageCreate(path, options) {
    return this.call('org.virt-test.image.Create', { path }, options, 'image');
  }

  imageInfo(path, options) {
    return this.call('org.virt-test.image.Info', { path }, options, 'image');
  }

  imageChain(path, options) {
    return this.call('org.virt-test.image.Chain', { path }, options, 'images');
  }

  imageCheck(path, options) {
    return this.call('org.virt-test.image.Check', { path }, options, 'report');
  }

  imageConvert(path, target, format, options) {
    return this.call('org.virt-test.image.Convert', { path, target, format }, options, 'image');
  }

  imageResize(path, format, size, options) {
    return this.call('org.virt-test.image.Resize', { path, format, size }, options, 'image');
  }

  imageCompare(path, format, other, otherFormat, options) {
    return this.call('org.virt-test.image.Compare', { path, format, other, other_format: otherFormat }, options, 'same');
  }

  imageSnapshot(path, action, name, options) {
    return this.call('org.virt-test.image.Snapshot', { path, action, name }, options, 'image');
  }

  imageCommit(path, format, options) {
    return this.call('org.virt-test.image.Commit', { path, format }, options);
  }

  networkInfo(network, options) {
    return this.call('org.virt-test.network.Info', { network }, options);
  }

  sessionList(options) {
    return this.call('org.virt-test.session.List', {}, options, 'sessions');
  }

  info(options) {
    return this.call('org.virt-test.test.Info', {}, options, 'info');
  }

  params(options) {
    return this.call('org.virt-test.test.Params', {}, options, 'params');
  }

  phase(phase, options) {
    return this.call('org.virt-test.test.Phase', { phase }, options);
  }

  log(message, options) {
    return this.call('org.virt-test.test.Log', { message }, options);
  }

  warn(message, options) {
    return this.call('org.virt-test.test.Warn', { message }, options);
  }

  rawSkip(reason, options) {
    return this.call('org.virt-test.test.Skip', { reason }, options);
  }

  rawFail(reason, options) {
    return this.call('org.virt-test.test.Fail', { reason }, options);
  }

  rawError(reason, options) {
    return this.call('org.virt-test.test.Error', { reason }, options);
  }

  subtest(name, verdict, options) {
    return this.call('org.virt-test.test.Subtest', { name, verdict }, options);
  }

  end(options) {
    return this.call('org.virt-test.test.End', {}, options);
  }

  vmList(options) {
    return this.call('org.virt-test.vm.List', {}, options, 'machines');
  }
}

export class VmMethods extends Caller {
  push(guest, options) {
    return this.call('org.virt-test.files.Push', { vm: this.name, guest }, options);
  }

  pull(guest, options) {
    return this.call('org.virt-test.files.Pull', { vm: this.name, guest }, options);
  }

  address(options) {
    return this.call('org.virt-test.network.Address', { vm: this.name }, options, 'address');
  }

  forwardedPort(port, options) {
    return this.call('org.virt-test.network.ForwardedPort', { vm: this.name, port }, options, 'port');
  }

  setLink(nic, up, options) {
    return this.call('org.virt-test.network.SetLink', { vm: this.name, nic, up }, options);
  }

  rawOpen(options) {
    return this.call('org.virt-test.session.Open', { vm: this.name }, options, 'session');
  }

  ssh(options) {
    return this.call('org.virt-test.session.Ssh', { vm: this.name }, options);
  }

  rawExec(options) {
    return this.stream('org.virt-test.session.Exec', { vm: this.name }, options);
  }

  rawConsole(options) {
    return this.stream('org.virt-test.session.Console', { vm: this.name }, options);
  }

  consoleSend(text, options) {
    return this.call('org.virt-test.session.ConsoleSend', { vm: this.name, text }, options);
  }

  consoleExpect(pattern, options) {
    return this.call('org.virt-test.session.ConsoleExpect', { vm: this.name, pattern }, options);
  }

  rawAgent(command, options) {
    return this.call('org.virt-test.session.Agent', { vm: this.name, command }, options, 'reply');
  }

  info(options) {
    return this.call('org.virt-test.vm.Info', { vm: this.name }, options, 'machine');
  }

  start(options) {
    return this.call('org.virt-test.vm.Start', { vm: this.name }, options, 'machine');
  }

  stop(options) {
    return this.call('org.virt-test.vm.Stop', { vm: this.name }, options);
  }

  powerdown(options) {
    return this.call('org.virt-test.vm.Powerdown', { vm: this.name }, options);
  }

  reset(options) {
    return this.call('org.virt-test.vm.Reset', { vm: this.name }, options);
  }

  pause(options) {
    return this.call('org.virt-test.vm.Pause', { vm: this.name }, options);
  }

  resume(options) {
    return this.call('org.virt-test.vm.Resume', { vm: this.name }, options);
  }

  suspend(options) {
    return this.call('org.virt-test.vm.Suspend', { vm: this.name }, options);
  }

  wakeup(options) {
    return this.call('org.virt-test.vm.Wakeup', { vm: this.name }, options);
  }

  nmi(options) {
    return this.call('org.virt-test.vm.Nmi', { vm: this.name }, options);
  }

  waitExit(options) {
    return this.call('org.virt-test.vm.WaitExit', { vm: this.name }, options, 'exit');
  }

  waitStatus(status, options) {
    return this.call('org.virt-test.vm.WaitStatus', { vm: this.name, status }, options);
  }

  findings(options) {
    return this.call('org.virt-test.vm.Findings', { vm: this.name }, options, 'findings');
  }

  allow(finding, options) {
    return this.call('org.virt-test.vm.Allow', { vm: this.name, finding }, options);
  }

  rawEvents(options) {
    return this.stream('org.virt-test.vm.Events', { vm: this.name }, options);
  }

  waitEvent(name, options) {
    return this.call('org.virt-test.vm.WaitEvent', { vm: this.name, name }, options, 'event');
  }

  rawQmp(command, options) {
    return this.call('org.virt-test.vm.Qmp', { vm: this.name, command }, options, 'reply');
  }

  hmp(line, options) {
    return this.call('org.virt-test.vm.Hmp', { vm: this.name, line }, options, 'output');
  }

  plug(device, options) {
    return this.call('org.virt-test.vm.Plug', { vm: this.name, device }, options, 'device');
  }

  unplug(id, options) {
    return this.call('org.virt-test.vm.Unplug', { vm: this.name, id }, options, 'took');
  }

  devices(options) {
    return this.call('org.virt-test.vm.Devices', { vm: this.name }, options, 'devices');
  }

  resizeMemory(id, size, options) {
    return this.call('org.virt-test.vm.ResizeMemory', { vm: this.name, id, size }, options);
  }

  rawMigrate(options) {
    return this.stream('org.virt-test.vm.Migrate', { vm: this.name }, options);
  }

  cancelMigration(options) {
    return this.call('org.virt-test.vm.CancelMigration', { vm: this.name }, options);
  }

  save(file, options) {
    return this.call('org.virt-test.vm.Save', { vm: this.name, file }, options, 'figures');
  }

  restore(file, options) {
    return this.call('org.virt-test.vm.Restore', { vm: this.name, file }, options, 'machine');
  }

  saveSnapshot(name, options) {
    return this.call('org.virt-test.vm.SaveSnapshot', { vm: this.name, name }, options);
  }

  loadSnapshot(name, options) {
    return this.call('org.virt-test.vm.LoadSnapshot', { vm: this.name, name }, options);
  }

  deleteSnapshot(name, options) {
    return this.call('org.virt-test.vm.DeleteSnapshot', { vm: this.name, name }, options);
  }

  listSnapshots(options) {
    return this.call('org.virt-test.vm.ListSnapshots', { vm: this.name }, options, 'snapshots');
  }

  startJob(disk, kind, options) {
    return this.call('org.virt-test.vm.StartJob', { vm: this.name, disk, kind }, options);
  }

  listJobs(options) {
    return this.call('org.virt-test.vm.ListJobs', { vm: this.name }, options, 'jobs');
  }

  waitJob(id, options) {
    return this.call('org.virt-test.vm.WaitJob', { vm: this.name, id }, options, 'end');
  }

  controlJob(id, action, options) {
    return this.call('org.virt-test.vm.ControlJob', { vm: this.name, id, action }, options);
  }

  screendump(options) {
    return this.call('org.virt-test.vm.Screendump', { vm: this.name }, options);
  }

  sendKey(keys, options) {
    return this.call('org.virt-test.vm.SendKey', { vm: this.name, keys }, options);
  }
}

export class SessionMethods extends Caller {
  push(guest, options) {
    return this.call('org.virt-test.files.Push', { session: this.id, guest }, options);
  }

  pull(guest, options) {
    return this.call('org.virt-test.files.Pull', { session: this.id, guest }, options);
  }

  close(options) {
    return this.call('org.virt-test.session.Close', { session: this.id }, options);
  }

  rawExec(options) {
    return this.stream('org.virt-test.session.Exec', { session: this.id }, options);
  }
}
