// Run in a guest by test/kernels/facts.ts: prints what can be known of its kernel, as lines of base64.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gzipSync } from 'node:zlib';
import {
  helperName,
  helperNames,
  helperTables,
  hookKinds,
  mapTypes,
  probeHelpers,
  probeHook,
  probeMapType,
  probeProgramType,
  programTypes,
} from '../../../packages/bpf/src/index.ts';

/** What a guest finds out. */
export interface GuestFacts {
  release: string;
  /** `t name` a line: code symbols of the kernel proper. */
  symbols: string;
  traceable: string;
  /** Names of functions that ftrace lists by another one, with that. */
  aliases: Record<string, string>;
  blacklist: string;
  tracepoints: Record<string, string[]>;
  hooks: Record<string, boolean>;
  programTypes: string[];
  mapTypes: string[];
  helpers: Record<string, number[]>;
}

const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'latin1') : '');
const helpers: Record<string, number[]> = {};
for (const table of helperTables) {
  process.stdout.write(`helpers of ${table}\n`);
  const found = probeHelpers(table);
  if (found) helpers[table] = helperNames.flatMap((_, n) => (n > 0 && found.has(helperName(n)) ? [n] : []));
}
const symbols = read('/proc/kallsyms')
  .split('\n')
  .filter((line) => /^\S+ [tTwW] \S+$/.test(line));
const traceable = read('/sys/kernel/tracing/available_filter_functions')
  .split('\n')
  .filter((line) => !line.includes('['));

/** Of the names of one address, those that ftrace does not list to one that it does. */
function aliases(): Record<string, string> {
  const listed = new Set(traceable);
  const places = new Map<string, string[]>();
  for (const line of symbols) {
    const [address, , name] = line.split(' ') as [string, string, string];
    // What the compiler pads functions with has a symbol for each.
    if (/^__(pfx|cfi)_/.test(name)) continue;
    places.set(address, [...(places.get(address) ?? []), name]);
  }
  const out: Record<string, string> = {};
  for (const names of places.values()) {
    const by = names.find((name) => listed.has(name));
    if (by !== undefined) for (const name of names) if (!listed.has(name)) out[name] = by;
  }
  return out;
}

const events = '/sys/kernel/tracing/events';
const folders = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true })
    .filter((e) => e.isDirectory())
    .map((e) => e.name);
const facts: GuestFacts = {
  release: release(),
  symbols: symbols.map((line) => line.replace(/^\S+ /, '')).join('\n'),
  traceable: traceable.join('\n'),
  aliases: aliases(),
  blacklist: read('/sys/kernel/debug/kprobes/blacklist'),
  tracepoints: Object.fromEntries(folders(events).map((c) => [c, folders(`${events}/${c}`)])),
  hooks: Object.fromEntries(
    hookKinds.flatMap((k) => {
      const { available } = probeHook(k);
      return available === undefined ? [] : [[k, available]];
    }),
  ),
  programTypes: programTypes.slice(1).filter((t) => probeProgramType(t).available),
  mapTypes: mapTypes.slice(1).filter((t) => probeMapType(t).available),
  helpers,
};

function send(what: string, bytes: Uint8Array): void {
  const text = gzipSync(bytes, { level: 6 }).toString('base64');
  for (let at = 0; at < text.length; at += 4096)
    process.stdout.write(`@@${what} ${text.slice(at, at + 4096)}\n`);
}

process.stdout.write('sending\n');
send('facts', Buffer.from(JSON.stringify(facts)));
send('btf', readFileSync('/sys/kernel/btf/vmlinux'));
