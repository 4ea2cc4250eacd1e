import { execFileSync } from 'node:child_process';
import { existsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from '../lib/case.ts';
import { putImages } from '../lib/images.ts';
import { skep, type Workplace } from '../lib/workplace.ts';

const COUNT = 10_000;

export const largeList: Case = {
  name: 'list-10000',
  title: 'skep list of 10,000 images',
  unit: 'ms',
  target: 'under 150',
  times: 5,
  conditions:
    'whole process, output to a pipe; from its cache, and the first list after an image was given another name',
  async round(place, round) {
    const store = join(place.dir, 'many');
    if (!existsSync(store)) {
      const names = Array.from({ length: COUNT }, (_, i) => `ghcr.io/team/probe-${i % 100}:${i}`);
      await putImages(store, names, 6000);
      list(place, store);
    }
    execFileSync(skep, ['tag', 'ghcr.io/team/probe-0:0', `again:${round}`, '--storage', store]);
    // As if that had been a minute ago: what changed just now is not kept.
    const then = new Date(Date.now() - 60_000);
    // Another name is no blob: their folder stays as it was.
    for (const file of round === 0 ? ['index.json', 'blobs/sha256'] : ['index.json'])
      utimesSync(join(store, file), then, then);
    return { 'after a change': list(place, store), 'from its cache': list(place, store) };
  },
};

function list(place: Workplace, store: string): number {
  const env = { ...process.env, XDG_CACHE_HOME: join(place.dir, 'cache') };
  const began = performance.now();
  const text = execFileSync(skep, ['list', '--storage', store], {
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const took = performance.now() - began;
  const lines = text.split('\n').length;
  if (lines < COUNT) throw new Error(`skep list printed ${lines} lines`);
  return took;
}
