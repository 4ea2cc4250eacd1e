import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort, until } from '../../scripts/lib/services.ts';
import { type Case, inTurn } from '../lib/case.ts';
import { cpuSeconds, generate, pause } from '../lib/process.ts';
import { beeCommand } from '../lib/tools.ts';
import { skep, type Workplace } from '../lib/workplace.ts';

const BURST = 10_000;

export const burst: Case = {
  name: 'view-burst',
  title: 'Live view: 10,000 events in a burst',
  unit: 's',
  target: 'on screen within 0.3, under 0.3 CPU s',
  conditions:
    'tmux, 120 x 30; on screen: the count of events reads 10,000 (looked at every 10 ms); bee in SKEP_BENCH_SLOW=1 only, until its CPU rests',
  async round(place, round) {
    const out: Record<string, number> = {};
    for (const name of inTurn(process.env.SKEP_BENCH_SLOW ? tools() : (['skep'] as const), round)) {
      using screen = await openScreen(name, place);
      const before = cpuSeconds(screen.pid);
      const sent = performance.now();
      await generate(place.generator, BURST, 0);
      if (name === 'skep') await shows(screen, /\b10[,.]?000\b|\b10\.0k\b/);
      else await rests(screen.pid);
      out[`${name} on screen`] = (performance.now() - sent) / 1000;
      await pause(500);
      out[`${name} CPU`] = cpuSeconds(screen.pid) - before;
    }
    return out;
  },
};

export const stream: Case = {
  name: 'view-300',
  title: 'Live view at 300 events/s',
  unit: '% of a core',
  target: 'under 4, flat',
  conditions: 'tmux, 120 x 30; the first 5 s, and the next 5 s as "later"',
  async round(place, round) {
    const out: Record<string, number> = {};
    for (const name of inTurn(tools(), round)) {
      using screen = await openScreen(name, place);
      const load = generate(place.generator, 300 * 11, 300);
      out[name] = await percent(screen.pid);
      out[`${name} (later)`] = await percent(screen.pid);
      await load;
    }
    return out;
  },
};

type Shown = 'skep' | 'bee';

function tools(): Shown[] {
  return process.env.SKEP_BENCH_BEE ? ['skep', 'bee'] : ['skep'];
}

async function percent(pid: number): Promise<number> {
  const before = cpuSeconds(pid);
  await pause(5000);
  return ((cpuSeconds(pid) - before) / 5) * 100;
}

interface Screen extends Disposable {
  readonly pid: number;
  text(): string;
}

/** A tool in a terminal of its own: tmux with a server of our own, so that no user's settings or sessions matter. */
async function openScreen(name: Shown, place: Workplace): Promise<Screen> {
  const socket = join(place.dir, 'tmux');
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' });
  const command =
    name === 'skep'
      ? [skep, 'run', place.print, '--no-prom']
      : beeCommand(place.print, '--prom-port', String(await freePort()));
  tmux('new-session', '-d', '-x', '120', '-y', '30', ...command);
  const pid = Number(tmux('list-panes', '-F', '#{pane_pid}'));
  const text = (): string => tmux('capture-pane', '-p');
  await until(
    `${name}'s screen`,
    () => (name === 'skep' ? /waiting for events/ : /print_events/).test(text()) || undefined,
  );
  await pause(1500);
  return { pid, text, [Symbol.dispose]: () => void tmux('kill-server') };
}

async function shows(screen: Screen, pattern: RegExp): Promise<void> {
  for (let tries = 0; !pattern.test(screen.text()); tries++) {
    if (tries > 500) throw new Error(`the screen never showed ${pattern}:\n${screen.text()}`);
    await pause(10);
  }
}

/** Until it has used no CPU to speak of for half a second. */
async function rests(pid: number): Promise<void> {
  for (let last = cpuSeconds(pid); ; ) {
    await pause(500);
    const now = cpuSeconds(pid);
    if (now - last < 0.01) return;
    last = now;
  }
}
