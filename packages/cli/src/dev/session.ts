import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { CliError, report } from '../errors.ts';
import { ExitCode } from '../exit-codes.ts';
import { note } from '../output/out.ts';
import type { Settings } from '../settings.ts';
import { type Built, buildOnce } from './build.ts';
import { Watcher } from './watch.ts';

/** Builds, runs, and does so again whenever something is saved, until it is told to stop. */
export class Session {
  readonly #word: string;
  readonly #flags: readonly string[];
  readonly #settings: Settings;
  #child: ChildProcess | undefined;
  /** What was told to end and has not yet. */
  #ending: ChildProcess | undefined;
  /** Of what runs; undefined when nothing does. */
  #running: string | undefined;
  /** What ran until the last change: started again where the new one cannot be. */
  #before: Pick<Built, 'reference' | 'digest'> | undefined;
  #changed = true;
  #built = false;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(word: string, flags: readonly string[], settings: Settings) {
    this.#word = word;
    this.#flags = flags;
    this.#settings = settings;
  }

  /** Returns when {@link Session.stop} was called and nothing runs any more. */
  async run(): Promise<void> {
    using watcher = new Watcher(() => {
      this.#changed = true;
      this.#wake?.();
    });
    const folder = this.#word.endsWith('.c') ? this.#word : `${this.#word}/skep.yaml`;
    // One that is not there is said by the build.
    if (existsSync(dirname(folder))) watcher.add([resolve(folder)]);
    while (!this.#stopped) {
      if (this.#changed) {
        this.#changed = false;
        await this.#reload(watcher);
      } else await new Promise<void>((done) => (this.#wake = done));
    }
    await this.#end('SIGTERM');
  }

  /** Told twice, what runs is not waited for any longer than it takes to detach. */
  stop(): void {
    if (this.#stopped) this.#ending?.kill('SIGTERM');
    this.#stopped = true;
    this.#wake?.();
  }

  async #reload(watcher: Watcher): Promise<void> {
    const built = await this.#build();
    if (!built || this.#stopped) return;
    watcher.add(built.files);
    if (built.digest === this.#running) return note(`${built.reference}: nothing changed`);
    // What runs goes on until it is known that the new one loads.
    if (this.#running !== undefined && !(await this.#loads(built))) return;
    const before = this.#running;
    await this.#end('SIGTERM');
    if (this.#stopped) return;
    this.#before =
      before === undefined ? undefined : { reference: `${built.reference}-before`, digest: before };
    this.#start(built);
  }

  async #build(): Promise<Built | undefined> {
    try {
      const built = await buildOnce(this.#word, this.#running, this.#settings);
      this.#built = true;
      return built;
    } catch (e) {
      // Nothing that a save would mend.
      if (!this.#built && e instanceof CliError && e.code === 'SKEP_USAGE') throw e;
      report(e, this.#settings.verbose);
      note(this.#running === undefined ? 'waiting for a change' : 'what ran before goes on');
      return undefined;
    }
  }

  async #loads({ reference }: Built): Promise<boolean> {
    const child = this.#skep(['check', reference, ...this.#sayings()], ['ignore', 'pipe', 'pipe']);
    const [said, errors, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    if (code === ExitCode.ok || code === ExitCode.unknown) return true;
    process.stderr.write(said + errors);
    note(`${reference} does not load; what ran before goes on`);
    return false;
  }

  /** The flags of run that check has too. What it cannot know shows when it is run. */
  #sayings(): string[] {
    const isSaying = (f: string) => f === '--set' || f === '--attach';
    return this.#flags.filter(
      (f, i) => isSaying(f) || isSaying(this.#flags[i - 1] ?? '') || /^--(set|attach)=/.test(f),
    );
  }

  #start({ reference, digest }: Pick<Built, 'reference' | 'digest'>): void {
    const child = this.#skep(['run', '--tied', reference, ...this.#flags], ['pipe', 'inherit', 'inherit']);
    this.#child = child;
    this.#running = digest;
    note(`${reference}: ${digest.slice(0, 19)} started; it is built again on every save`);
    child.once('exit', (code) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#running = undefined;
      if (this.#stopped) return;
      const before = this.#before;
      this.#before = undefined;
      if (code === 0 || !before) return note('it ended; waiting for a change');
      note('what ran before is started again');
      this.#start(before);
    });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#running = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    this.#ending = child;
    child.kill(signal);
    await once(child, 'exit');
    this.#ending = undefined;
  }

  /** In a process group of its own: Ctrl-C comes to this process, which ends that one. */
  #skep(args: readonly string[], stdio: ('ignore' | 'pipe' | 'inherit')[]): ChildProcess {
    const argv = [process.argv[1]!, ...args, '--storage', this.#settings.storage];
    return spawn(process.execPath, argv, { stdio, detached: true });
  }
}
