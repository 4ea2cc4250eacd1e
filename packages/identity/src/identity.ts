import { basename } from 'node:path';
import type { CgroupUnit } from './cgroup/container.ts';
import type { Container, Containers, Place, Pod } from './container/resolve.ts';
import { copied } from './copied.ts';
import type { ElfCache } from './elf/cache.ts';
import type { Host } from './host/host.ts';
import { detectRuntime, type Runtime } from './language/detect.ts';
import { interpreterOf } from './language/programs.ts';
import type { CommandContext } from './name/context.ts';
import { oneLine } from './name/line.ts';
import { nameService, type ServiceName } from './name/service.ts';
import {
  type Environment,
  NO_ENVIRONMENT,
  readEnvironment,
  resourceAttributesOf,
} from './process/environ.ts';
import { mappedFiles } from './process/maps.ts';
import type { Process } from './process/read.ts';
import { tellingArgv } from './process/started-by.ts';
import { findSdks, type Sdk } from './sdk.ts';

/** Who a process is. Plain data; it does not change afterwards. */
export interface Identity {
  /** `PID-STARTTIME-N`, N counting the programs that the process became by exec as far as that was seen. */
  key: string;
  process: Process;
  service: ServiceName;
  /** Absent when the program tells nothing, is not to be read, or has ended before it was looked at. */
  runtime?: Runtime;
  container?: Container;
  /** The pod, also of a process beside its containers. */
  pod?: Pod;
  unit?: CgroupUnit;
  /** Tracing libraries seen in it, strongest sign first. */
  sdks: readonly Sdk[];
  /** What OTEL_RESOURCE_ATTRIBUTES says besides the service. */
  declared: ReadonlyMap<string, string>;
  /** Made from an event alone, after the process had ended: no language, and of its environment only what names a service. */
  fromEvent: boolean;
}

/** What is shared between identities: files read once serve many processes. */
export interface Sources {
  host: Host;
  elves: ElfCache;
  containers: Containers;
}

/** What a name is looked for in: a command line may be 128 KiB of whatever somebody means to keep us busy with. */
const TELLING_ARGUMENTS = 512;
const TELLING_CHARACTERS = 1024;
/** Kept of a command line; the rest served its name. */
const ARGV_CHARACTERS = 2048;

/** What is known of a process beside /proc. */
export interface Told {
  /** What its exec told of its environment, if it did. */
  readonly environment?: Environment;
  /** It has ended: /proc is asked nothing but where its parent is: there it began. */
  readonly ended?: boolean;
}

/** Puts together who a process is. */
export function identify(sources: Sources, process: Process, generation: number, told: Told = {}): Identity {
  const { host, elves, containers } = sources;
  const { environment: known = NO_ENVIRONMENT, ended: fromEvent = false } = told;
  const { pid } = process;
  let files: readonly string[] | undefined;
  const lazyFiles = () => {
    files ??= fromEvent ? [] : mappedFiles(host, pid);
    return files;
  };
  const bare = process.kernelThread || process.zombie || fromEvent;
  const read = bare ? NO_ENVIRONMENT : readEnvironment(host, pid);
  // A title that was written over it has left nothing.
  const environment = read.size > 0 ? read : known;
  const runtime = bare ? undefined : detectRuntime(host, process, elves, lazyFiles);
  const found = containers.placeOf(process.cgroups);
  const place = bare ? found : namedFromInside(sources, pid, found, environment);
  const asked = fromEvent ? process.ppid : bare ? 0 : pid;
  const context: CommandContext = {
    exe: process.exe,
    argv: telling(bare ? process.argv : tellingArgv(host, process)),
    comm: process.comm,
    runtime: runtime ?? guessed(process),
    environment,
    cwd: () => (asked === 0 ? undefined : host.procLink(asked, 'cwd')),
    readText: (path) => (asked === 0 ? undefined : host.textSeenBy(asked, path, 16 * 1024)),
  };
  return {
    key: keyOf(pid, process.startTime, generation),
    process: { ...process, argv: shortened(process.argv) },
    service: nameService(context, place.meaning.unit, place.container ?? withPod(place.pod)),
    runtime,
    container: place.container,
    pod: place.pod,
    unit: place.meaning.unit,
    sdks: bare ? [] : findSdks(context, lazyFiles),
    declared: declaredOf(environment),
    fromEvent,
  };
}

/** A process of which nothing is known but its kernel's name. */
export function unidentified(process: Process, generation: number, { ended = false }: Told): Identity {
  return {
    key: keyOf(process.pid, process.startTime, generation),
    process: { ...process, argv: shortened(process.argv) },
    service: { name: oneLine(process.comm, 16) || 'unknown', rule: 'command' },
    sdks: [],
    declared: NOTHING_DECLARED,
    fromEvent: ended,
  };
}

/** The {@link Identity.key} of a process. One flat string: a template's would be a tree of its parts, five times the size. */
export function keyOf(pid: number, startTime: number, generation: number): string {
  return [pid, startTime, generation].join('-');
}

const NOTHING_DECLARED: Identity['declared'] = new Map();

function declaredOf(environment: Environment): Identity['declared'] {
  if (!environment.has('OTEL_RESOURCE_ATTRIBUTES')) return NOTHING_DECLARED;
  const declared = new Map(resourceAttributesOf(environment));
  for (const key of ['service.name', 'service.namespace', 'service.version']) declared.delete(key);
  return declared.size === 0 ? NOTHING_DECLARED : declared;
}

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/**
 * A pod that no file of the machine names is asked itself: its host name is its own name unless it uses the machine's
 * network, and its service account's folder holds the namespace.
 */
function namedFromInside({ host }: Sources, pid: number, place: Place, environment: Environment): Place {
  if (place.pod === undefined || place.pod.name !== undefined) return place;
  const declared = resourceAttributesOf(environment);
  const hostname = environment.get('HOSTNAME');
  const name = declared.get('k8s.pod.name') ?? (hostname === host.name ? undefined : hostname);
  if (!name) return place;
  const namespace = declared.get('k8s.namespace.name') ?? host.textSeenBy(pid, NAMESPACE_FILE, 256)?.trim();
  const pod: Pod = { ...place.pod, name, namespace: namespace || undefined };
  return { ...place, pod, container: place.container && { ...place.container, pod } };
}

/** Without its file, a program's language is what its name says; enough to find the script of an ended process. */
function guessed(process: Process): Runtime | undefined {
  const language = interpreterOf(basename(process.exe ?? process.argv[0] ?? ''));
  return language === undefined ? undefined : { language };
}

/** A process of a pod outside its containers still is that pod's. */
function withPod(pod: Pod | undefined): Container | undefined {
  return pod === undefined ? undefined : { id: '', outer: [], pod };
}

function telling(argv: readonly string[]): readonly string[] {
  return argv.slice(0, TELLING_ARGUMENTS).map((arg) => arg.slice(0, TELLING_CHARACTERS));
}

function shortened(argv: readonly string[]): readonly string[] {
  let left = ARGV_CHARACTERS;
  const kept: string[] = [];
  for (const arg of argv) {
    if (left <= 0) break;
    kept.push(arg.length > left ? arg.slice(0, left) : arg);
    left -= arg.length + 1;
  }
  return kept.length === argv.length && left > 0 ? argv : kept.map(copied);
}
