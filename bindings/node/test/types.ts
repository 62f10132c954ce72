// Read by TypeScript only: what people write has the types it should.
import { type Figures, GuestFailedError, main, skip } from 'virt-test';

await main(async (t) => {
  const vm = await t.mainVm();
  const output = await vm.exec('uname -r', { timeout: 10, signal: t.signal });
  const status: number | null | undefined = output.status;
  if (status !== 0) skip('odd');
  for await (const chunk of vm.execStream(['ls', '/'])) chunk.data.trim();
  const { figures } = await vm.migrate({ capabilities: ['multifd'], parameters: { multifd_channels: 2 } }, (f: Figures) => {
    f.remaining.toFixed();
  });
  figures.status.trim();
  const plugged = await vm.plug({ kind: 'nic', id: 'extra' }, { guest: true });
  await vm.unplug(plugged.id);
  // @ts-expect-error: there is no such device.
  await vm.plug({ kind: 'toaster' });
  // @ts-expect-error: there is no such option.
  await vm.exec('x', { patience: 3 });
  try {
    await vm.pull('/nonexistent');
  } catch (error) {
    if (error instanceof GuestFailedError) error.details.agent_class?.trim();
  }
});
