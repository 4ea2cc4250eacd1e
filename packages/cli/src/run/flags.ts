import { type Command, Option } from 'commander';
import { usageError } from '../errors.ts';
import { canDraw } from '../output/color.ts';
import { collect } from '../settings.ts';
import { collectPairs, type ListenAddress, parseCount, parseDuration, parseListen } from '../values.ts';

/** The flags of `skep run` as they are used. */
export interface RunFlags {
  help?: boolean;
  set?: Record<string, string>;
  params?: string;
  pid?: string[];
  comm?: string[];
  cgroup?: string[];
  uid?: string[];
  attach?: string[];
  hook?: Record<string, string>;
  explain?: boolean;
  twins: boolean;
  allowModify?: boolean;
  show?: string[];
  filter?: string[];
  output?: 'json' | 'table';
  tty: boolean;
  interval?: number;
  timeout?: number;
  maxEvents?: number;
  histBuckets?: string[];
  histValueKey?: string[];
  promPort?: number;
  promListen?: ListenAddress;
  prom: boolean;
  beeMetricNames?: boolean;
  otlp?: string;
  otlpInterval?: number;
  maxSeries?: number;
  buffer?: 'ring' | 'perf';
  summary?: string;
  pinMaps?: string;
  pinProgs?: string;
  flame?: string;
  folded?: string;
  pull: 'always' | 'missing' | 'never';
  platform?: string;
  debug?: boolean;
  detach?: boolean;
  name?: string;
  label?: Record<string, string>;
  rm?: boolean;
  keepPrivileges?: boolean;
  /** Set for the process of an instance: its folder. */
  instance?: string;
  /** Set for what `skep dev` starts: it ends with its standard input, which ends with `skep dev`, killed or not. */
  tied?: boolean;
}

/** Declares them, in the order of the help. */
export function addRunFlags(command: Command): void {
  command
    .option('--set <name=value>', 'set a parameter of the probe, may be repeated', collectPairs('--set'))
    .option('--params <file>', 'set parameters by a YAML file of names and values')
    .option('--pid <id>', 'only events of this process, may be repeated', collect)
    .option('--comm <name>', 'only events of tasks with this command name, may be repeated', collect)
    .option('--cgroup <dir>', 'only events of this cgroup (v2) and those below it, may be repeated', collect)
    .option('--uid <user>', 'only events of this user, may be repeated', collect)
    .option('--attach <prog=target>', 'where a program goes: see below, may be repeated', collect)
    .option(
      '--hook <group=rung>',
      'take this alternative of a group of hooks, may be repeated',
      collectPairs('--hook', 'GROUP=RUNG', 'calls=kprobe'),
    )
    .option('--explain', 'say of each alternative of hooks whether it runs here, and why not')
    .option('--no-twins', 'take no two programs for alternatives that are not declared so')
    .option('--allow-modify', 'run also programs that can drop packets, write to processes, send signals')
    .option(
      '--show <[kind=]map[:struct]>',
      'show this map though its name has no prefix, may be repeated',
      collect,
    )
    .option('-f, --filter <map,member,regex>', 'show only what matches, may be repeated', collect)
    .addOption(
      new Option('-o, --output <how>', 'table: live view, json: a line an event').choices(['table', 'json']),
    )
    .option('--no-tty', 'no live view, JSON lines instead')
    .option('--interval <time>', 'between two readings of the maps (1s)', parseDuration('--interval'))
    .option('--timeout <time>', 'stop after this time', parseDuration('--timeout'))
    .option('--max-events <n>', 'stop after this many events', parseCount('--max-events'))
    .option('-b, --hist-buckets <map,[1,2,3]>', 'upper bounds of a histogram, may be repeated', collect)
    .option('-k, --hist-value-key <map,member>', 'what a histogram measures, may be repeated', collect)
    .option(
      '--prom-listen <address>',
      'where /metrics listens (127.0.0.1:9091)',
      parseListen('--prom-listen'),
    )
    .option('--flame <[map=]file.svg>', 'draw the stacks that were counted as a flame graph, at the end')
    .option('--folded <[map=]file>', 'write them as folded stacks, a line each; - is standard output')
    .option('--prom-port <port>', 'the same on loopback, by port', parseCount('--prom-port', 0))
    .option('--no-prom', 'no /metrics')
    .option('--bee-metric-names', "bee's names: ebpf_solo_io_<map>")
    .option('--otlp <url>', 'send metrics and events by OTLP over HTTP, as http://127.0.0.1:4318')
    .option(
      '--otlp-interval <time>',
      'between two exports of the metrics (OTEL_METRIC_EXPORT_INTERVAL, 1m)',
      parseDuration('--otlp-interval'),
    )
    .option('--max-series <n>', 'label sets a metric may have (10000)', parseCount('--max-series'))
    .addOption(
      new Option(
        '--buffer <kind>',
        'ring or perf buffers for events (ring where the kernel has them)',
      ).choices(['ring', 'perf']),
    )
    .option('--summary <file>', 'write what came, what was lost and what it cost as JSON at the end')
    .option('--pin-maps <dir>', 'pin the maps in a folder of bpffs; they stay')
    .option('--pin-progs <dir>', 'pin the programs in a folder of bpffs; they stay')
    .addOption(
      new Option('--pull <when>', 'fetch the image')
        .choices(['always', 'missing', 'never'])
        .default('missing'),
    )
    .option('--platform <os/arch>', "of an image for several: this part, not this machine's")
    .option('-d, --detach', 'run in the background and print the id: see skep ps')
    .option('--name <name>', 'what an instance in the background is called')
    .option('-l, --label <key=value>', 'a label of that instance, may be repeated', collectLabels)
    .option('--keep-privileges', 'give up no rights once the probe is attached')
    .option('--rm', 'take that instance away when it ends; without -d nothing stays anyway')
    .option('--debug', 'write what happens to debug.log')
    .addOption(new Option('--instance <dir>').hideHelp())
    .addOption(new Option('--tied').hideHelp());
}

/** `env=prod`, or `canary` alone. */
function collectLabels(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const [key = '', ...value] = text.split('=');
  if (key === '') throw usageError(`--label: "${text}" has no key`, 'For example --label env=prod.');
  return { ...previous, [key]: value.join('=') };
}

/** What excludes what. */
export function checkRunFlags(flags: RunFlags): void {
  // --rm as with docker: of what runs in the foreground nothing is left anyway.
  const background = flags.name !== undefined || flags.label !== undefined;
  if (background && !flags.detach && flags.instance === undefined) {
    throw usageError('--name and --label are for what runs in the background', 'Add -d.');
  }
  if (flags.detach && (flags.output === 'table' || /^([^=]+=)?-$/.test(flags.folded ?? ''))) {
    throw usageError('-d has no terminal and no standard output', 'skep attach and skep logs show it.');
  }
  if (flags.promPort !== undefined && flags.promListen) {
    throw usageError('--prom-port and --prom-listen exclude each other', 'Keep --prom-listen.');
  }
  if (!flags.prom && (flags.promListen || flags.promPort !== undefined)) {
    throw usageError('--no-prom excludes an address for /metrics', 'Leave out one of them.');
  }
  if (/^([^=]+=)?-$/.test(flags.folded ?? '') && flags.output !== undefined) {
    throw usageError('--folded - and --output exclude each other', 'Both write to standard output.');
  }
  if (flags.flame !== undefined && flags.flame === flags.folded) {
    throw usageError('--flame and --folded name the same file', 'The picture and its text need one each.');
  }
  if (flags.otlpInterval !== undefined && flags.otlp === undefined) {
    throw usageError('--otlp-interval needs --otlp', 'For example --otlp http://127.0.0.1:4318.');
  }
  if ((flags.promPort ?? 0) > 65535) throw usageError('--prom-port: at most 65535', 'The usual one is 9091.');
  if (flags.output === 'table' && !flags.tty) {
    throw usageError('--output table and --no-tty exclude each other', 'Leave out one of them.');
  }
  if (flags.output === 'table' && !(canDraw(process.stdout) && process.stdin.isTTY)) {
    throw usageError(
      '--output table needs a terminal, and not a dumb one',
      'Elsewhere there are JSON lines: --output json.',
    );
  }
}
