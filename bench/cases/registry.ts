/** Many images and large ones between a machine and registries, beside skopeo and crane: each in its quickest way. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Store } from '@skep/oci';
import { type Service, startRegistry } from '../../scripts/lib/services.ts';
import { type Case, inTurn } from '../lib/case.ts';
import { putImages } from '../lib/images.ts';
import { skep, type Workplace } from '../lib/workplace.ts';

const MIB = 1 << 20;
const crane = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep/crane-0.22.1/crane');

export const registry1: Case = of(1, 'a small image', 3);
export const registry50: Case = of(50, '50 small images', 1);
export const registry500: Case = of(500, '500 small images', 1);

export const registryLarge: Case = {
  ...of(1, 'a layer of 200 MB', 1),
  name: 'registry-large',
  round: (place, round) => transfers(place, round, 1, 200 * MIB),
};

/** What one tool does with the images `s/images:1`, `:2`, … of a registry, or with what it has on disk. */
interface Tool {
  push(from: string, registry: string, count: number): Promise<void>;
  pull(registry: string, to: string, count: number): Promise<void>;
  copy(from: string, to: string, count: number): Promise<void>;
}

const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
const skopeoCopy = (from: string, to: string) => run('skopeo', ['copy', '-q', '-a', ...plain, from, to]);
/** For many, which knows folders but no layouts. */
const skopeoSync = (src: 'dir' | 'docker', dest: 'dir' | 'docker', from: string, to: string) =>
  run('skopeo', ['sync', '-a', ...plain, '--src', src, '--dest', dest, from, to]);

const tools: Record<string, Tool> = {
  skep: {
    push: (from, registry, n) => run(skep, ['push', '-q', ...imagesOf(registry, n), '--storage', from]),
    pull: (registry, to, n) => run(skep, ['pull', '-q', ...imagesOf(registry, n), '--storage', to]),
    copy: (from, to, n) =>
      run(skep, ['copy', '-q', '--no-referrers', ...imagesOf(from, n), `${to}/s/images`]),
  },
  skopeo: {
    push: (from, registry, n) =>
      n === 1
        ? skopeoCopy(`oci:${from}:1`, `docker://${registry}/s/images:1`)
        : skopeoSync('dir', 'docker', from, `${registry}/s`),
    pull: (registry, to, n) =>
      n === 1
        ? skopeoCopy(`docker://${registry}/s/images:1`, `oci:${to}:1`)
        : skopeoSync('docker', 'dir', `${registry}/s/images`, to),
    copy: (from, to, n) =>
      n === 1
        ? skopeoCopy(`docker://${from}/s/images:1`, `docker://${to}/s/images:1`)
        : skopeoSync('docker', 'docker', `${from}/s/images`, `${to}/s`),
  },
  // No command pushes several: one after the other.
  crane: {
    async push(from, registry, n) {
      for (let i = 1; i <= n; i++)
        await run(crane, ['push', '--insecure', join(from, String(i)), `${registry}/s/images:${i}`]);
    },
    async pull(registry, to, n) {
      const names = Array.from({ length: n }, (_, i) => `${registry}/s/images:${i + 1}`);
      await run(crane, ['pull', '--insecure', '--format=oci', ...names, to]);
    },
    copy: (from, to, n) =>
      n === 1
        ? run(crane, ['copy', '--insecure', `${from}/s/images:1`, `${to}/s/images:1`])
        : run(crane, ['copy', '--insecure', '-a', `${from}/s/images`, `${to}/s/images`]),
  },
};

/** How skep is told of them: the one, or all tags. */
function imagesOf(registry: string, count: number): string[] {
  return count === 1 ? [`${registry}/s/images:1`] : ['-a', `${registry}/s/images`];
}

function of(count: number, what: string, times: number): Case {
  return {
    name: `registry-${count}`,
    title: `Push, pull and copy of ${what}, with nothing there and with all there`,
    unit: 'ms',
    target: 'no slower than skopeo and crane',
    times,
    conditions:
      'whole processes, docker-registry on loopback; each tool from what it has pulled itself; images are an index with one ' +
      'manifest and a layer of 6 kB; skopeo by sync for several, crane push once an image',
    round: (place, round) => transfers(place, round, count, 6000),
  };
}

async function transfers(
  place: Workplace,
  round: number,
  count: number,
  layerBytes: number,
): Promise<Record<string, number>> {
  const dir = join(place.dir, 'registries');
  using _dir = { [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
  await using source = await startRegistry(join(dir, 'source'));
  await seed(source, join(dir, 'seed'), count, layerBytes);
  const out: Record<string, number> = {};
  if (count === 1 && layerBytes < MIB) Object.assign(out, await floors(source.address));
  const names = ['skep', 'skopeo', ...(existsSync(crane) ? ['crane'] : [])];
  for (const name of inTurn(names, round)) {
    const home = join(dir, name);
    Object.assign(out, await one(name, home, source.address, count));
    rmSync(home, { recursive: true });
  }
  return out;
}

/** What a program on Node cannot be faster than: one that does nothing, and one that asks the registry for the manifest. */
async function floors(registry: string): Promise<Record<string, number>> {
  const url = `http://${registry}/v2/s/images/manifests/1`;
  const get = `process.getBuiltinModule('node:http').get(${JSON.stringify(url)}, (r) => r.resume())`;
  return {
    'node alone': await timed(() => run(process.execPath, ['-e', '0'])),
    'node, one request': await timed(() => run(process.execPath, ['-e', get])),
  };
}

/** All that one tool does, with registries of its own to fill. */
async function one(
  name: string,
  home: string,
  source: string,
  count: number,
): Promise<Record<string, number>> {
  const tool = tools[name] as Tool;
  const pulled = join(home, 'pulled');
  mkdirSync(name === 'skopeo' && count > 1 ? pulled : home, { recursive: true });
  const out: Record<string, number> = {};
  const twice = async (what: string, work: () => Promise<void>) => {
    out[`${name} ${what}`] = await timed(work);
    // `skopeo sync` refuses a folder that is there.
    if (name === 'skopeo' && count > 1 && what === 'pull') return;
    out[`${name} ${what} again`] = await timed(work);
  };
  await twice('pull', () => tool.pull(source, pulled, count));
  await using target = await startRegistry(join(home, 'target'));
  await twice('copy', () => tool.copy(source, target.address, count));
  await using empty = await startRegistry(join(home, 'empty'));
  const from = await pushable(name, pulled, home, source, empty.address, count);
  await twice('push', () => tool.push(from, empty.address, count));
  return out;
}

/** What was pulled, in the form and under the names that the tool pushes from. Not measured. */
async function pushable(
  name: string,
  pulled: string,
  home: string,
  source: string,
  target: string,
  count: number,
): Promise<string> {
  if (name === 'skep') {
    const store = await Store.open(pulled);
    for (let i = 1; i <= count; i++) await store.tag(`${source}/s/images:${i}`, `${target}/s/images:${i}`);
    return pulled;
  }
  if (name === 'skopeo') return pulled;
  const layouts = join(home, 'layouts');
  for (let i = 1; i <= count; i++)
    await run(crane, [
      'pull',
      '--insecure',
      '--format=oci',
      `${source}/s/images:${i}`,
      join(layouts, String(i)),
    ]);
  return layouts;
}

/** Fills a registry. */
async function seed(registry: Service, dir: string, count: number, layerBytes: number): Promise<void> {
  const names = Array.from({ length: count }, (_, i) => `${registry.address}/s/images:${i + 1}`);
  await putImages(dir, names, layerBytes);
  await run(skep, ['push', '-q', '-a', `${registry.address}/s/images`, '--storage', dir]);
}

/** Not `execFileSync`: the registry's log goes through this process, and a full pipe would hold the registry up. */
async function run(command: string, args: string[]): Promise<void> {
  await promisify(execFile)(command, args, { maxBuffer: 64 * MIB });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
