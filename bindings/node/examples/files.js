#!/usr/bin/env node
// A file of any bytes goes into the guest and comes back as it was; one that is not there does not.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GuestFailedError, main } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  const { dir } = await t.info();
  const bytes = Buffer.from({ length: 100_000 }, (_, i) => i);
  const digest = createHash('sha256').update(bytes).digest('hex');
  await writeFile(resolve(dir, 'there'), bytes);

  const pushed = await vm.push('/tmp/there', { path: resolve(dir, 'there') });
  assert.deepEqual(pushed, { size: bytes.length, sha256: digest });
  const inside = await vm.exec('sha256sum /tmp/there');
  assert.equal(inside.stdout.split(' ')[0], digest);

  const pulled = await vm.pull('/tmp/there', { path: resolve(dir, 'back') });
  assert.equal(pulled.sha256, digest);
  assert.deepEqual(await readFile(resolve(dir, 'back')), bytes);

  await assert.rejects(vm.pull('/nonexistent', { path: resolve(dir, 'nothing') }), GuestFailedError);
});
