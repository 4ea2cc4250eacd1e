/** Where the benchmark works: what flora-setup.sh has built, a folder of its own, the addresses of its network namespace. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../../..');
export const skep = join(root, 'bin/skep');

/** All on loopback, in a network namespace where nobody else is. */
export const API = '127.0.0.1:8080';
export const CONTROL = '127.0.0.1:8081';
export const SINK = '127.0.0.1:4319';
export const AGENT = '127.0.0.1:9191';
export const VICTORIA = '127.0.0.1:8428';

/** What flora-setup.sh has made: Go programs, k6, the folders of the Node and the Python server. */
export const built = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'skep/bench-flora');

export interface Place extends Disposable {
  readonly dir: string;
  /** A few minutes in place of an hour: fewer rounds, shorter ones. */
  readonly quick: boolean;
  /** How often each thing is measured that noise has a part in. */
  readonly rounds: number;
  /** How long one variant of a comparison is under load. */
  readonly seconds: number;
}

/** @throws Error when there is any interface but loopback, or flora-setup.sh has not run */
export function openPlace(quick: boolean): Place {
  const devices = readFileSync('/proc/net/dev', 'utf8').matchAll(/^\s*([^\s:]+):/gm);
  const interfaces = [...devices].map(([, name]) => name).filter((name) => name !== 'lo');
  if (interfaces.length > 0) {
    throw new Error(
      `the benchmark runs where only "lo" is, not beside "${interfaces[0]}": start it by bench/flora.sh`,
    );
  }
  if (!existsSync(join(built, 'k6')))
    throw new Error(`no ${join(built, 'k6')}: sh bench/flora-setup.sh builds it`);
  const dir = mkdtempSync(join(tmpdir(), 'skep-flora-'));
  process.env.SKEP_STORAGE = join(dir, 'store');
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  process.once('exit', remove);
  const rounds = quick ? 1 : whole('SKEP_BENCH_ROUNDS', 3);
  const seconds = quick ? 4 : whole('SKEP_BENCH_SECONDS', 15);
  return { dir, quick, rounds, seconds, [Symbol.dispose]: remove };
}

function whole(variable: string, otherwise: number): number {
  const text = process.env[variable];
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${variable} is "${text}": give a whole number from 1 on`);
  return Number(text);
}
