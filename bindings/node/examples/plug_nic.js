#!/usr/bin/env node
// The guest sees a network card that is plugged in, and does not when it is unplugged.
import assert from 'node:assert/strict';
import { main } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  const cards = async () => Number((await vm.exec('ls /sys/class/net | wc -l')).stdout);
  const before = await cards();
  await vm.plug({ kind: 'nic', id: 'extra' }, { guest: true });
  assert.equal(await cards(), before + 1);
  await vm.unplug('extra', { guest: true });
  assert.equal(await cards(), before);
});
