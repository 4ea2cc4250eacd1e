/**
 * `make demo`: the whole way, once, on this machine. A probe is compiled, packed, pushed to a registry, pulled, run in
 * the kernel; a process is killed for want of memory; the kill is in the live table and in a real Prometheus.
 *
 * It watches one cgroup of its own. Exit status 0 only when every step was seen to work.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify, styleText } from 'node:util';
import { type MemoryCgroup, makeMemoryCgroup } from './lib/memory-cgroup.ts';
import { freePort, queryPrometheus, startPrometheus, startRegistry, until } from './lib/services.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const skep = join(root, 'bin/skep');
const live = process.stdout.isTTY === true;
const LIMIT = 64 * 1024 * 1024;

const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
  live ? styleText(style, text) : text;
let steps = 0;
const step = (text: string): void => console.log(`\n${paint('bold', `${++steps}. ${text}`)}`);
const show = (text: string): void => console.log(text.trimEnd().replace(/^/gm, '   '));

const home = mkdtempSync(join(tmpdir(), 'skep-demo-'));
const env = { ...process.env, SKEP_STORAGE: join(home, 'store') };

/** Runs one skep command, showing it as the user would type it, and what it answers. */
async function command(...args: string[]): Promise<string> {
  show(paint('cyan', `$ skep ${args.join(' ')}`));
  const { stdout, stderr } = await run(skep, args, { env, cwd: root });
  show(stdout + stderr);
  return stdout;
}

/** A process that asks for ever more memory inside the cgroup, until the kernel ends it. */
async function starve(cgroup: MemoryCgroup): Promise<string> {
  const victim = spawn('sh', ['-c', `${cgroup.enter} && exec tail /dev/zero`], { stdio: 'ignore' });
  const [code, signal] = (await once(victim, 'exit')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`the victim was to be killed, but ended with ${code ?? signal}`);
  return `tail, pid ${victim.pid}`;
}

/** `skep run` with its live table when there is a terminal, with JSON lines when there is none. */
function startProbe(reference: string, cgroup: MemoryCgroup, metrics: string): ChildProcess {
  const args = ['run', reference, '--set', `target_cgroup=${cgroup.path}`, '--prom-listen', metrics];
  show(paint('cyan', `$ skep ${args.join(' ')}`));
  return spawn(skep, args, { env, cwd: root, stdio: live ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
}

async function demo(): Promise<void> {
  await using registry = await startRegistry(join(home, 'registry'));
  const reference = `${registry.address}/demo/oomkill:1.0`;

  step('Compile a probe and pack it into an OCI image');
  await command('build', 'probes/oomkill/oomkill.c', reference);

  step('Push it to a registry, forget it, pull it back');
  await command('push', reference);
  await command('rm', reference);
  await command('pull', reference);
  await command('describe', reference);

  step('Run it in the kernel, watching one cgroup of 64 MiB; a process in there asks for more');
  using cgroup = makeMemoryCgroup(`skep-demo-${process.pid}`, LIMIT);
  const metrics = `127.0.0.1:${await freePort()}`;
  const probe = startProbe(reference, cgroup, metrics);
  const ended = once(probe, 'exit') as Promise<[number | null, string | null]>;
  let printed = '';
  probe.stdout?.on('data', (data) => {
    printed += data;
    show(String(data));
  });
  probe.stderr?.on('data', (data) => show(String(data)));

  let counted = 0;
  try {
    await using prometheus = await startPrometheus(join(home, 'prometheus'), [metrics]);
    await until('the probe to run', () => ready(metrics, probe));
    const shownAt = Date.now();
    const victim = await starve(cgroup);
    counted = await until('the kill in Prometheus', async () => {
      const [sample] = await queryPrometheus(prometheus.address, 'sum(skep_oom_kills_total)');
      return sample?.value || undefined;
    });
    if (live) await delay(Math.max(0, 6000 - (Date.now() - shownAt))); // time for a person to read the table
    probe.kill('SIGINT');
    const [code] = await ended;
    if (code !== 0) throw new Error(`skep run ended with status ${code}`);

    step('Ask Prometheus');
    show(paint('cyan', `$ curl '${prometheus.address}/api/v1/query?query=skep_oom_kills_total'`));
    for (const { metric, value } of await queryPrometheus(prometheus.address, 'skep_oom_kills_total'))
      show(`${JSON.stringify(metric)} => ${value}`);
    if (counted !== 1) throw new Error(`one process was killed (${victim}), Prometheus says ${counted}`);
    if (!live && !printed.includes('"print_oom_kills"')) throw new Error('the kill was not printed');
    if (!live && !printed.includes(`"comm":"tail"`)) throw new Error('the record does not name the victim');

    step('What this proved');
    show(
      [
        `the kernel killed ${victim}, in a cgroup of 64 MiB;`,
        'the probe, compiled from one C file and carried through a registry, saw it in the kernel,',
        `${live ? 'the live table' : 'a JSON line'} showed it, and Prometheus answers ${counted}: the same number.`,
      ].join('\n'),
    );
  } finally {
    if (probe.exitCode === null && probe.signalCode === null) {
      probe.kill('SIGKILL');
      await ended;
    }
  }
}

/** The probe is attached when its metrics answer. */
async function ready(metrics: string, probe: ChildProcess): Promise<true | undefined> {
  if (probe.exitCode !== null) throw new Error(`skep run ended with status ${probe.exitCode}`);
  try {
    const answer = await fetch(`http://${metrics}/metrics`);
    await answer.arrayBuffer();
    return answer.ok || undefined;
  } catch (error) {
    if ((error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

try {
  await demo();
} catch (error) {
  const { stderr, message } = error as Error & { stderr?: string };
  console.error(`\ndemo failed: ${message}${stderr ? `\n${stderr}` : ''}`);
  process.exitCode = 1;
} finally {
  rmSync(home, { recursive: true, force: true });
}
