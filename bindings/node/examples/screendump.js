#!/usr/bin/env node
// What the graphics card shows comes as a picture.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { main } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  const { file, width, height } = await vm.screendump();
  const picture = (await readFile(file)).toString('latin1');
  assert(picture.startsWith('P6') || picture.startsWith('\x89PNG'), picture.slice(0, 10));
  assert(width > 0 && height > 0, `${width}x${height}`);
});
