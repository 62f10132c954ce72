#!/usr/bin/env node
// A snapshot takes the machine back to when it was made.
import assert from 'node:assert/strict';
import { main } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  const names = async () => (await vm.listSnapshots()).map(({ name }) => name);
  await vm.exec('echo before >/tmp/when');
  await vm.saveSnapshot('one');
  assert.deepEqual(await names(), ['one']);
  await vm.exec('echo after >/tmp/when');
  await vm.loadSnapshot('one');
  assert.equal((await vm.exec('cat /tmp/when')).stdout, 'before\n');
  await vm.deleteSnapshot('one');
  assert.deepEqual(await names(), []);
});
