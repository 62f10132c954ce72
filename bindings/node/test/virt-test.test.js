import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

import { CallError, NotFoundError, connect } from '../index.js';
import { always, serve } from './fake.js';

test('without a socket the error names virt-test serve', async () => {
  await assert.rejects(connect({ socket: '' }), /VIRT_TEST_SOCKET is not set.*virt-test serve/);
  await assert.rejects(connect({ socket: '/nowhere' }), /does not answer at \/nowhere/);
});

test('parameters and options are sent, and the only field of a reply is the reply', async (context) => {
  const fake = await serve(context, always({ parameters: { took: 1.5 } }));
  const took = await fake.test.vm('vm1').unplug('extra', { guest: true, timeout: 3 });
  assert.equal(took, 1.5);
  assert.deepEqual(fake.requests, [
    {
      method: 'org.virt-test.vm.Unplug',
      parameters: { guest: true, timeout: 3, vm: 'vm1', id: 'extra' },
      more: false,
    },
  ]);
});

test('an error has its class and its details', async (context) => {
  const parameters = {
    message: 'no vm9', hint: 'try vm1', where: null, verdict: 'error', name: 'vm9', known: ['vm1'], later: 1,
  };
  const fake = await serve(context, always({ error: 'org.virt-test.error.NotFound', parameters }));
  const error = await fake.test.vm('vm9').info().catch((error) => error);
  assert(error instanceof NotFoundError);
  assert(error instanceof CallError);
  assert.equal(error.code, 'org.virt-test.error.NotFound');
  assert.equal(error.message, 'no vm9');
  assert.equal(error.hint, 'try vm1');
  assert.equal(error.where, undefined);
  assert.deepEqual(error.details, { name: 'vm9', known: ['vm1'], later: 1 });
  assert.match(error.stack, /NotFoundError/);
});

test('an error of an unknown name is a CallError', async (context) => {
  const fake = await serve(context, always({ error: 'org.varlink.service.MethodNotFound', parameters: { method: 'x' } }));
  const error = await fake.test.phase('x').catch((error) => error);
  assert.equal(error.constructor, CallError);
  assert.equal(error.message, 'org.varlink.service.MethodNotFound {"method":"x"}');
  assert.equal(error.verdict, 'error');
});

test('output comes while the command runs', async (context) => {
  let seen;
  const first = new Promise((resolve) => {
    seen = resolve;
  });
  const fake = await serve(context, async (_request, send) => {
    send({ parameters: { chunk: { stderr: false, data: '1' } }, continues: true });
    await first;
    send({ parameters: { chunk: { stderr: true, data: '2' } }, continues: true });
    send({ parameters: { output: { status: 3, stdout: '', stderr: '', truncated: false, elapsed: 0.1 } } });
  });
  const running = fake.test.vm('vm1').execStream(['x', 'y']);
  let all = '';
  for await (const chunk of running) {
    all += chunk.data;
    if (chunk.data === '1') seen();
  }
  assert.equal(all, '12');
  assert.equal(running.output.status, 3);
  assert.deepEqual(fake.requests[0].parameters, { argv: ['x', 'y'], vm: 'vm1' });
});

test('leaving a stream early hangs up, and the next call connects anew', async (context) => {
  const fake = await serve(context, (request, send) => {
    if (request.method.endsWith('Events')) {
      send({ parameters: { events: [{ seq: 0, name: 'STOP' }, { seq: 1, name: 'RESUME' }] }, continues: true });
      send({ parameters: { event: { seq: 2, name: 'RESET' }, events: [] }, continues: true });
    } else {
      send({ parameters: {} });
    }
  });
  const names = [];
  for await (const event of fake.test.vm('vm1').watchEvents()) {
    names.push(event.name);
    if (names.length === 3) break;
  }
  assert.deepEqual(names, ['STOP', 'RESUME', 'RESET']);
  await fake.left;
  await fake.test.phase('x');
  assert.equal(fake.connections, 2);
});

test('an abort hangs up and rejects with its reason', async (context) => {
  const fake = await serve(context, () => {});
  const reason = new Error('enough');
  const controller = new AbortController();
  const call = fake.test.vm('vm1').exec('sleep 1000', { signal: controller.signal });
  setImmediate(() => controller.abort(reason));
  await assert.rejects(call, reason);
  await fake.left;
});

test('calls at once have connections of their own, and later ones use them again', async (context) => {
  const waiting = [];
  const fake = await serve(context, (_request, send) => {
    waiting.push(() => send({ parameters: {} }));
    if (fake.requests.length >= 2) waiting.splice(0).forEach((answer) => answer());
  });
  await Promise.all([fake.test.phase('x'), fake.test.phase('y')]);
  await fake.test.phase('z');
  assert.equal(fake.connections, 2);
});

test('progress of a migration comes before its end, and may call', async (context) => {
  const fake = await serve(context, (request, send) => {
    if (request.method.endsWith('Migrate')) {
      if (request.more) send({ parameters: { progress: { status: 'active', transferred: 5 } }, continues: true });
      send({ parameters: { figures: { status: 'completed' }, standstill: 0.25 } });
    } else {
      send({ parameters: {} });
    }
  });
  const seen = [];
  const calls = [];
  const migrated = await fake.test.vm('vm1').migrate({ transport: 'unix' }, (figures) => {
    seen.push(figures.transferred);
    calls.push(fake.test.phase('under way'));
  });
  await Promise.all(calls);
  assert.deepEqual(seen, [5]);
  assert.deepEqual(migrated, { figures: { status: 'completed' }, standstill: 0.25 });
  await fake.test.vm('vm1').migrate();
  assert.equal(fake.requests.at(-1).more, false);
});

test('qmp gives what QEMU returns', async (context) => {
  const fake = await serve(context, always({ parameters: { reply: { return: { status: 'running' } } } }));
  assert.deepEqual(await fake.test.vm('vm1').qmp('query-status'), { status: 'running' });
});

test('a session is of its id', async (context) => {
  const fake = await serve(context, (request, send) =>
    send({
      parameters: request.method.endsWith('Open')
        ? { session: { id: 's1', vm: 'vm1', channel: 'agent' } }
        : { output: { status: 0, stdout: 'x', stderr: '', truncated: false, elapsed: 0 } },
    }));
  const session = await fake.test.vm('vm1').session({ channel: 'agent' });
  assert.equal((await session.exec('x')).stdout, 'x');
  assert.deepEqual(fake.requests[1].parameters, { command: 'x', session: 's1' });
});

test('a server that hangs up is an error that says so', async (context) => {
  const fake = await serve(context, (_request, _send, hangUp) => hangUp());
  await assert.rejects(fake.test.phase('x'), /virt-test has hung up/);
});

test('a long message comes whole', async (context) => {
  const fake = await serve(context, always({ parameters: { output: 'ä'.repeat(1 << 20) } }));
  assert.equal((await fake.test.vm('vm1').hmp('info')).length, 1 << 20);
});

test('a part that fails is reported', async (context) => {
  const fake = await serve(context, always({ parameters: {} }));
  assert.equal(await fake.test.run('half', () => assert.fail('odd')), false);
  const { name, verdict, reason } = fake.requests[0].parameters;
  assert.deepEqual({ name, verdict, reason }, { name: 'half', verdict: 'fail', reason: 'odd' });
});

for (const [body, method, reason, status] of [
  ["skip('no disk')", 'Skip', 'no disk', 0],
  ["fail('wrong')", 'Fail', 'wrong', 1],
  ["throw new Error('oops')", 'Fail', 'oops', 1],
  ['await t.phase("x")', 'Skip', 'no NUMA (hint: buy some)', 0],
  ['await t.vm("x").hmp("x", { signal: AbortSignal.abort(new Error("late")) })', 'Fail', 'late', 1],
  ['', undefined, undefined, 0],
]) {
  test(`a program of ${body || 'nothing'} ends with ${method ?? 'Pass'}`, async (context) => {
    const fake = await serve(context, (request, send) =>
      send(
        request.method.endsWith('Phase')
          ? {
              error: 'org.virt-test.error.Unsupported',
              parameters: { message: 'no NUMA', hint: 'buy some', verdict: 'skip' },
            }
          : { parameters: {} },
      ));
    const index = new URL('../index.js', import.meta.url).href;
    const program = `import { main, skip, fail } from '${index}'; await main(async (t) => { ${body} });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, VIRT_TEST_SOCKET: `unix:${fake.path}` },
      stdio: ['ignore', 'inherit', 'ignore'],
    });
    const [exit] = await once(child, 'close');
    assert.equal(exit, status);
    const said = fake.requests.filter((request) => !request.method.endsWith('Phase'));
    assert.deepEqual(
      said.map(({ method, parameters }) => [method, parameters]),
      method ? [[`org.virt-test.test.${method}`, { reason }]] : [],
    );
  });
}
