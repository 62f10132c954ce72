#!/usr/bin/env node
// A machine migrates to another QEMU, and its guest has not forgotten anything.
import assert from 'node:assert/strict';
import { main } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  await vm.exec('echo word >/tmp/word');
  const { pid } = await vm.info();
  let progress = 0;
  const { figures } = await vm.migrate({ transport: 'unix' }, () => {
    progress += 1;
  });
  assert(progress > 0, 'there was no progress before the end');
  assert.equal(figures.status, 'completed');
  assert.notEqual((await vm.info()).pid, pid);
  assert.equal((await vm.exec('cat /tmp/word')).stdout, 'word\n');
});
