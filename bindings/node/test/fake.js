// A server that answers as a test says.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { connect } from '../index.js';

/** Answers each request by `answer(request, send)`, which may send as many messages as it likes, and `hangUp`. */
export async function serve(context, answer) {
  const dir = await mkdtemp(join(tmpdir(), 'virt-test-'));
  const path = join(dir, 'socket');
  const fake = { requests: [], connections: 0, path };
  const sockets = new Set();
  let left;
  fake.left = new Promise((resolve) => {
    left = resolve;
  });
  const server = createServer((socket) => {
    fake.connections += 1;
    sockets.add(socket);
    let text = '';
    socket.on('data', async (data) => {
      text += data;
      let end;
      while ((end = text.indexOf('\0')) >= 0) {
        const request = JSON.parse(text.slice(0, end));
        text = text.slice(end + 1);
        fake.requests.push(request);
        await answer(request, (message) => socket.write(`${JSON.stringify(message)}\0`), () => socket.destroy());
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      left();
    });
  });
  server.listen(path);
  await once(server, 'listening');
  fake.test = await connect({ socket: path });
  context.after(async () => {
    fake.test.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    await rm(dir, { recursive: true });
  });
  return fake;
}

export function always(message) {
  return (_request, send) => send(message);
}
