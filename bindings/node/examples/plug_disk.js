#!/usr/bin/env node
// A disk that is plugged in has its size and keeps what is written to it; unplugged it is gone.
import assert from 'node:assert/strict';
import { main } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  const run = async (command) => {
    const { status, stdout, stderr } = await vm.exec(command);
    assert.equal(status, 0, `${command}: ${stderr}`);
    return stdout.trim();
  };
  const { id } = await vm.plug({ kind: 'disk', size: 64 << 20, serial: 'spare' }, { guest: true });
  const dir = await run("dirname $(grep -l '^spare$' /sys/block/*/serial)");
  const device = dir.replace('/sys/block', '/dev');
  assert.equal(await run(`cat ${dir}/size`), '131072');
  await run(`printf word >${device} && sync`);
  assert.equal(await run(`head -c 4 ${device}`), 'word');
  await vm.unplug(id, { guest: true });
  assert.equal((await vm.exec(`test -e ${dir}`)).status, 1);
});
