#!/usr/bin/env node
// Two machines on a private network reach each other, and the network has seen it.
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { main } from 'virt-test';

await main(async (t) => {
  const [one, two] = [t.vm('vm1'), t.vm('vm2')];
  await two.exec('true'); // it has booted
  const ping = await one.exec(`ping -c 3 ${await two.address()}`, { timeout: 60 });
  assert.equal(ping.status, 0, ping.stdout + ping.stderr);
  const [{ network }] = (await one.info()).nics;
  const { ports, capture } = await t.networkInfo(network);
  assert(ports >= 2);
  // An empty recording has a header of 24 bytes.
  assert((await stat(capture)).size > 24, 'no traffic was recorded');
});
