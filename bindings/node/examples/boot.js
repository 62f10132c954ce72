#!/usr/bin/env node
// The guest boots, and knows what it is.
import assert from 'node:assert/strict';
import { main } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  const kernel = await vm.exec('uname -s');
  assert.equal(kernel.stdout, 'Linux\n');
  const uptime = await vm.exec('cat /proc/uptime');
  assert(parseFloat(uptime.stdout) > 0, uptime.stdout);
});
