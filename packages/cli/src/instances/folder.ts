import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { CliError, usageError } from '../errors.ts';
import { notInProc } from '../not-in-proc.ts';
import { bootId, isRunning, type ProcessId } from './process.ts';

/** What is known of an instance from the moment it is asked for. */
export interface InstanceFacts {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As they were asked for: images, files. */
  readonly programs: readonly string[];
  readonly createdAt: string;
  /** Goes away with its end. */
  readonly remove: boolean;
  readonly launcher: ProcessId;
}

/** What the process says once its probes are attached. */
export interface RunningFacts {
  readonly process: ProcessId;
  readonly startedAt: string;
  /** URL of /metrics; absent when there is none. */
  readonly metrics?: string;
}

/** What it says at its end. */
export interface EndedFacts {
  readonly endedAt: string;
  /** As `skep run` exits. */
  readonly code: number;
  /** `signal`, `stopped`, `timeout`, …; `error` */
  readonly reason: string;
  readonly error?: string;
}

/** An instance as its folder and the processes of this machine show it. */
export interface Instance extends InstanceFacts {
  readonly folder: string;
  /**
   * `created`: being started. `running`. `exited`: it ended and said so. `dead`: killed, crashed, or gone with a reboot.
   * `damaged`: one of its files cannot be read.
   */
  readonly state: 'created' | 'running' | 'exited' | 'dead' | 'damaged';
  /** Of a damaged one, what is wrong; what its files do not say is then empty. */
  readonly damage?: CliError;
  /** What a dead one went by: `reboot` when its process was of another boot. */
  readonly lostBy?: 'reboot' | 'process';
  readonly running?: RunningFacts;
  readonly ended?: EndedFacts;
}

/** Where instances are: SKEP_STATE, else root's are in /var/lib/skep, a user's in XDG_STATE_HOME. Only their owner's. */
export function instancesFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.SKEP_STATE) return join(env.SKEP_STATE, 'instances');
  if (process.geteuid?.() === 0) return '/var/lib/skep/instances';
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'skep', 'instances');
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/**
 * Takes a name and makes the instance's folder, complete, at once: a rename onto a folder that has something in it
 * fails, so that of two who want a name one gets it.
 *
 * @throws CliError SKEP_NAME_TAKEN, SKEP_USAGE for what is no name
 */
export function claim(
  about: Omit<InstanceFacts, 'id' | 'name'>,
  wanted: { readonly name?: string; readonly like: string },
  root: string = instancesFolder(),
): Instance {
  const { name: asked } = wanted;
  if (asked !== undefined && !NAME.test(asked))
    throw usageError(`--name: "${asked}" is no name`, 'Letters, digits, and inside also _ . and -.');
  notInProc(root, 'nothing', 'Name a folder on a disk by SKEP_STATE.');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  checkOwner(root);
  const id = randomBytes(32).toString('hex');
  const fresh = join(root, `.new-${id.slice(0, 12)}`);
  mkdirSync(fresh, { mode: 0o700 });
  const base = wanted.like.replace(/[^a-zA-Z0-9_.-]+/g, '-').replace(/^[^a-zA-Z0-9]+/, '') || 'probe';
  for (let n = 1; ; n++) {
    const name = asked ?? (n === 1 ? base : `${base}-${n}`);
    const folder = join(root, name);
    const facts = { ...about, id, name };
    writeFileSync(join(fresh, 'instance.json'), `${JSON.stringify(facts, undefined, 2)}\n`, { mode: 0o600 });
    try {
      renameSync(fresh, folder);
      return { ...facts, folder, state: 'created' };
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      if (asked === undefined) continue;
      rmSync(fresh, { recursive: true });
      throw new CliError(
        'SKEP_NAME_TAKEN',
        `the name "${name}" is in use by another instance`,
        `skep rm ${name} takes that one away (with -f also while it runs), or choose another name.`,
      );
    }
  }
}

/** Its socket obeys whoever reaches it, and its log is what was seen on this machine. */
function checkOwner(root: string): void {
  const { uid, mode } = statSync(root);
  if (uid === process.geteuid?.() && (mode & 0o077) === 0) return;
  throw new CliError(
    'SKEP_STATE_ACCESS',
    `${root} is not a folder of this user alone`,
    `chmod 700 ${root}, or name another by SKEP_STATE.`,
  );
}

/** Whether an instance of this user is called so, whatever its state. */
export function isInstance(name: string, root: string = instancesFolder()): boolean {
  return NAME.test(name) && existsSync(join(root, name));
}

/** All instances of this user, newest first; one that is just being removed is none. */
export function listInstances(root: string = instancesFolder()): Instance[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readInstance(join(root, name)) ?? [])
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt) || a.name.localeCompare(b.name));
}

/** An instance by its folder; undefined when it is gone. */
export function readInstance(folder: string): Instance | undefined {
  try {
    return readFacts(folder);
  } catch (error) {
    // One that is damaged must not keep the others from view.
    if (error instanceof CliError && error.code === 'SKEP_STATE_DAMAGED') return damaged(folder, error);
    throw error;
  }
}

function readFacts(folder: string): Instance | undefined {
  const facts = readJson<InstanceFacts>(folder, 'instance.json');
  if (!facts) return undefined;
  // In this order: one that ends meanwhile is seen as ended.
  const running = readJson<RunningFacts>(folder, 'running.json');
  const alive = isRunning(running?.process ?? facts.launcher);
  const ended = readJson<EndedFacts>(folder, 'ended.json');
  const state = ended ? 'exited' : alive ? (running ? 'running' : 'created') : 'dead';
  const process = running?.process ?? facts.launcher;
  const lostBy = state !== 'dead' ? undefined : process.bootId === bootId() ? 'process' : 'reboot';
  return { ...facts, folder, state, lostBy, running, ended };
}

/** With as much as its other files say. */
function damaged(folder: string, damage: CliError): Instance {
  const unknown: InstanceFacts = {
    ...{ id: '', name: basename(folder), labels: {}, programs: [], createdAt: '', remove: false },
    launcher: { pid: 0, startTime: 0, bootId: '' },
  };
  const facts = readable<InstanceFacts>(folder, 'instance.json') ?? unknown;
  const running = readable<RunningFacts>(folder, 'running.json');
  return { ...facts, folder, state: 'damaged', damage, running };
}

function readable<T>(folder: string, file: FactFile): T | undefined {
  try {
    return readJson<T>(folder, file);
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

/**
 * The instance of a name, or of the beginning of an id.
 *
 * @throws CliError SKEP_NO_INSTANCE, SKEP_STATE_DAMAGED, and SKEP_USAGE where several ids begin so
 */
export function findInstance(word: string, root: string = instancesFolder()): Instance {
  const all = listInstances(root);
  const named = all.find((i) => i.name === word);
  const byId = !named && /^[0-9a-f]+$/.test(word) ? all.filter((i) => i.id.startsWith(word)) : [];
  const found = named ?? (byId.length === 1 ? byId[0] : undefined);
  if (found?.damage) throw found.damage;
  if (found) return found;
  if (byId.length > 1)
    throw usageError(`"${word}" begins the id of ${byId.length} instances`, 'Write more of it, or its name.');
  throw new CliError(
    'SKEP_NO_INSTANCE',
    `there is no instance "${word}"`,
    all.length > 0
      ? `There are ${all.map((i) => i.name).join(', ')}: skep ps -a.`
      : 'skep run -d IMAGE starts one.',
  );
}

/** Takes the folder away; the name is free at once. */
export function removeFolder({ folder, id }: Pick<Instance, 'folder' | 'id'>): void {
  const gone = join(folder, '..', `.rm-${id.slice(0, 12) || basename(folder)}`);
  renameSync(folder, gone);
  rmSync(gone, { recursive: true, force: true });
}

/** Writes a file of an instance as a whole, or not at all. */
export function writeFact(folder: string, file: Exclude<FactFile, 'instance.json'>, facts: object): void {
  const path = join(folder, file);
  // On disk before it has its name: a machine that loses power then has the file whole, or not at all.
  const text = `${JSON.stringify(facts, undefined, 2)}\n`;
  writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}

type FactFile = 'instance.json' | 'running.json' | 'ended.json';

function readJson<T>(folder: string, file: FactFile): T | undefined {
  const path = join(folder, file);
  try {
    const facts: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof facts === 'object' && facts !== null) return facts as T;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new CliError(
    'SKEP_STATE_DAMAGED',
    `${path} is damaged`,
    `skep rm -f ${basename(folder)} takes that instance away, with its log.`,
  );
}
