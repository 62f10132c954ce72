#!/usr/bin/env node
// The monitor answers, its events come in order, and what it refuses is an error of its own kind.
import assert from 'node:assert/strict';
import { MonitorFailedError, main } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  assert.equal((await vm.qmp('query-status')).status, 'running');
  const { cursor: since } = await vm.info();
  await vm.pause();
  const stop = await vm.waitEvent('STOP', { since });
  await vm.resume();
  const resume = await vm.waitEvent('RESUME', { since });
  assert(stop.seq < resume.seq);
  await assert.rejects(vm.qmp('no-such-command'), (error) => {
    assert(error instanceof MonitorFailedError);
    assert.equal(error.details.class, 'CommandNotFound');
    return true;
  });
});
