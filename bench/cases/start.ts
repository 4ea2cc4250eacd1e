import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type Case, inTurn } from '../lib/case.ts';
import { generatorProcess, stop } from '../lib/process.ts';
import { available, printing } from '../lib/tools.ts';
import { skep } from '../lib/workplace.ts';

export const firstEvent: Case = {
  name: 'first-event',
  title: 'Stored image to first event',
  unit: 'ms',
  target: 'under 100, ahead of ig; 46 as the aim',
  times: 5,
  conditions:
    'from the start of the process to its first line in a pipe, events at 2,000/s all the while; bpftrace -B line, from a script',
  async round(place, round) {
    const out: Record<string, number> = {};
    for (const name of inTurn(available('json'), round)) {
      const load = generatorProcess(place.generator, 20_000, 2000);
      const [command, ...args] = printing(name, place, false);
      const began = performance.now();
      const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      let text = '';
      for await (const chunk of child.stdout!) {
        text += chunk;
        if (text.includes('skepgen')) break;
      }
      out[name] = performance.now() - began;
      await stop(child);
      const ended = once(load, 'close');
      load.kill();
      await ended;
    }
    return out;
  },
};

export const smallCommands: Case = {
  name: 'small-commands',
  title: 'Commands that only look: --help, list',
  unit: 'ms',
  target: 'under 60',
  times: 5,
  conditions: 'whole process; the store holds one image',
  async round() {
    const out: Record<string, number> = {};
    const bee = process.env.SKEP_BENCH_BEE;
    const commands: [name: string, command: string, arg: string][] = [
      ['skep --help', skep, '--help'],
      ['skep list', skep, 'list'],
      ...(bee ? [['bee --help', bee, '--help'] as [string, string, string]] : []),
    ];
    for (const [name, command, arg] of commands) {
      const began = performance.now();
      spawnSync(command, [arg]);
      out[name] = performance.now() - began;
    }
    return out;
  },
};
