#!/usr/bin/env node
// A command gets its input; its status, output and errors come back, and its output comes while it runs.
import assert from 'node:assert/strict';
import { main } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  const output = await vm.exec(['sh', '-c', 'cat; echo err >&2; exit 3'], { input: 'in' });
  assert.equal(output.status, 3);
  assert.equal(output.stdout, 'in');
  assert.equal(output.stderr, 'err\n');

  const pieces = [];
  for await (const chunk of vm.execStream('for i in 1 2 3; do echo $i; sleep 0.1; done')) {
    pieces.push(chunk.data);
  }
  assert(pieces.length > 1, 'all output came at once');
  assert.equal(pieces.join(''), '1\n2\n3\n');
});
