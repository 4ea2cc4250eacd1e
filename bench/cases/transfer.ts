import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Store } from '@skep/oci';
import { startRegistry } from '../../scripts/lib/services.ts';
import { type Case, inTurn } from '../lib/case.ts';
import { skep, type Workplace } from '../lib/workplace.ts';

const MIB = 1 << 20;

export const smallTransfer: Case = {
  name: 'transfer-small',
  title: 'Push and pull of a small image',
  unit: 'ms',
  target: 'no slower than skopeo',
  times: 3,
  conditions: 'whole process, docker-registry on loopback, a repository that has nothing, an empty store',
  round: (place, round) => transfers(place, round, place.image),
};

export const largeTransfer: Case = {
  name: 'transfer-large',
  title: 'Push and pull of 200 MB',
  unit: 'ms',
  target: 'no slower than skopeo',
  conditions: 'as the small one; two layers of random bytes',
  async round(place, round) {
    await makeLarge(place);
    return transfers(place, round, 'large:1');
  },
};

async function transfers(place: Workplace, round: number, image: string): Promise<Record<string, number>> {
  const out: Record<string, number> = {};
  const dir = join(place.dir, 'registry');
  using _dir = { [Symbol.dispose]: () => rmSync(dir, { recursive: true }) };
  await using registry = await startRegistry(dir);
  for (const name of inTurn(['skep', 'skopeo'] as const, round)) {
    const remote = `${registry.address}/${name}:1`;
    const target = join(place.dir, `pulled-${name}`);
    if (name === 'skep') {
      execFileSync(skep, ['tag', image, remote]);
      out['skep push'] = timed(skep, ['push', remote]);
      out['skep pull'] = timed(skep, ['pull', remote, '--storage', target]);
      execFileSync(skep, ['rm', remote]);
    } else {
      const from = `oci:${place.store}:${image}`;
      out['skopeo push'] = timed('skopeo', ['copy', '--dest-tls-verify=false', from, `docker://${remote}`]);
      out['skopeo pull'] = timed('skopeo', [
        'copy',
        '--src-tls-verify=false',
        `docker://${remote}`,
        `oci:${target}:x`,
      ]);
    }
    rmSync(target, { recursive: true });
  }
  return out;
}

function timed(command: string, args: string[]): number {
  const began = performance.now();
  execFileSync(command, args, { stdio: 'pipe' });
  return performance.now() - began;
}

/** An image of 200 MB that nothing but a transfer looks into. */
async function makeLarge(place: Workplace): Promise<void> {
  const store = await Store.open(place.store);
  if (await store.resolve('large:1')) return;
  const config = await store.putBlob(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json');
  const layers = [];
  for (let i = 0; i < 2; i++) {
    layers.push(await store.putBlob(randomFillSync(Buffer.alloc(100 * MIB)), 'application/octet-stream'));
  }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const plain = [config, ...layers].map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const manifest = { schemaVersion: 2, mediaType, config: plain[0], layers: plain.slice(1) };
  await store.putImage('large:1', Buffer.from(JSON.stringify(manifest)), mediaType);
}
