import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { sourceWith } from '../generate/carried.ts';
import { out } from '../output/out.ts';
import { isFile, looksLikePath, type Source } from '../probe-source.ts';
import { type Settings, settingsOf } from '../settings.ts';
import { type ListenAddress, parseListen } from '../values.ts';

interface Flags {
  promListen?: ListenAddress;
  prom: boolean;
  image?: string;
  name?: string;
  namespace: string;
  monitor?: boolean;
  output?: string;
}

const KINDS = ['systemd', 'kubernetes', 'dashboards', 'rules'] as const;
type Kind = (typeof KINDS)[number];

/** The kinds that a flag says something to. */
const FLAGS: Readonly<Record<keyof Flags, readonly Kind[]>> = {
  promListen: ['systemd', 'kubernetes'],
  prom: ['systemd'],
  image: ['kubernetes'],
  name: ['kubernetes', 'rules'],
  namespace: ['kubernetes'],
  monitor: ['kubernetes'],
  output: ['dashboards'],
};

/** `skep generate` */
export function define(command: Command): void {
  command
    .usage('[options] <kind> <program> [-- FLAGS OF RUN]')
    .addArgument(new Argument('<kind>', 'what manages or shows it').choices(KINDS))
    .argument('<program>', 'an image (pulled if absent) or an object file')
    .argument('[words...]', 'behind --, flags of skep run: parameters, filters (systemd, kubernetes)')
    .option(
      '--prom-listen <address>',
      'where /metrics and /healthz listen (systemd; of kubernetes the port)',
      parseListen('--prom-listen'),
    )
    .option('--no-prom', 'neither (systemd)')
    .option(
      '--name <name>',
      "what the objects are called (kubernetes), or the job (rules); skep- and the probe's name unless said",
    )
    .option('--namespace <name>', 'where they are (kubernetes)', 'skep')
    .option('--image <reference>', 'the container image with skep and the probe (kubernetes)')
    .option('--monitor', "also a ServiceMonitor, for Prometheus' operator (kubernetes)")
    .option('-o, --output <folder>', 'a file each in there, instead of standard output (dashboards)')
    .action(generate);
  examples(
    command,
    'skep generate systemd oomkill:1 | sudo tee /etc/systemd/system/oomkill.service',
    'skep generate systemd tcpconnlat:1 -- --min-latency 5ms',
    'skep generate kubernetes oomkill:1 --image registry.example/oomkill:1 --monitor | kubectl apply -f -',
    'skep generate dashboards oomkill:1 > oomkill.json    for Grafana: what the image carries, else made of its metrics',
    'skep generate rules oomkill:1 --name oomkill > oomkill.rules.yaml    alerts for Prometheus: gone, losing events, and',
    '                                                                      those that the image carries',
    '',
    "The unit runs as a user of its own with the capabilities that the probe's hooks need, and is ready once it is attached.",
  );
}

async function generate(
  kind: Kind,
  program: string,
  words: string[],
  flags: Flags,
  command: Command,
): Promise<void> {
  refuseForeign(kind, words, command);
  const settings = settingsOf(command);
  const extra = kind === 'dashboards' ? 'dashboard' : kind === 'rules' ? 'rules' : undefined;
  const { image, extras } = await sourceWith(program, extra, settings);
  if (kind === 'dashboards') {
    const { writeDashboards } = await import('../generate/write-dashboards.ts');
    return writeDashboards(image, extras, flags.output);
  }
  if (kind === 'rules') {
    const { rulesFile } = await import('../generate/rules.ts');
    const carried = extras.map(({ name, bytes }) => ({ name, text: Buffer.from(bytes).toString('utf8') }));
    return out(rulesFile(flags.name ?? nameOf(program), carried));
  }
  return out(
    kind === 'systemd'
      ? await unit(program, image, words, flags, settings)
      : await manifests(program, image, words, flags),
  );
}

/** A flag that would do nothing is a mistake somewhere. */
function refuseForeign(kind: Kind, words: readonly string[], command: Command): void {
  for (const [flag, kinds] of Object.entries(FLAGS)) {
    if (kinds.includes(kind) || command.getOptionValueSource(flag) !== 'cli') continue;
    const { long } = command.options.find((o) => o.attributeName() === flag)!;
    throw usageError(`${long} says nothing to ${kind}`, `It is for ${kinds.join(' and ')}: leave it out.`);
  }
  if (words.length > 0 && kind !== 'systemd' && kind !== 'kubernetes')
    throw usageError(`"${words[0]}" is one word too many`, `skep generate ${kind} IMAGE`);
}

async function needsOf(image: Source['image'], paranoid = false) {
  const { describeObject } = await import('@skep/probe');
  const needs = await import('../generate/needs.ts');
  return needs.needsOf(
    image.objects.map((o) => describeObject(o.bytes, o.name)),
    paranoid,
  );
}

async function unit(
  program: string,
  image: Source['image'],
  words: readonly string[],
  flags: Flags,
  settings: Settings,
): Promise<string> {
  const { systemdUnit } = await import('../generate/systemd.ts');
  const path = (await isFile(program)) || looksLikePath(program);
  const { host, port } = flags.promListen ?? { host: '127.0.0.1', port: 9091 };
  const about = {
    program: path ? resolve(program) : image.name,
    description: image.description?.replace(/\s+/g, ' ') ?? program,
    skep: [process.execPath, resolve(process.argv[1]!)],
    storage: resolve(settings.storage),
    listen: flags.prom ? `${host.includes(':') ? `[${host}]` : host}:${port}` : undefined,
    words,
  };
  // The unit is for this machine; of a cluster's nodes nothing is known here.
  const { paranoidPerfEvents } = await import('../perf-events.ts');
  return systemdUnit(about, await needsOf(image, paranoidPerfEvents() !== undefined));
}

async function manifests(
  program: string,
  image: Source['image'],
  words: readonly string[],
  flags: Flags,
): Promise<string> {
  const { name = nameOf(program), namespace } = flags;
  if (flags.image === undefined)
    throw usageError(
      'kubernetes needs --image',
      `A container image that has skep and ${program}, in a registry that the nodes reach.`,
    );
  checkName('--name', name);
  checkName('--namespace', namespace);
  const { kubernetesManifests } = await import('../generate/kubernetes.ts');
  const about = {
    ...{ name, namespace, program, words },
    image: flags.image,
    port: flags.promListen?.port ?? 9091,
    monitor: flags.monitor ?? false,
  };
  return kubernetesManifests(about, await needsOf(image));
}

/** A name that Kubernetes takes: RFC 1123. */
function nameOf(program: string): string {
  const last = program
    .split('@', 1)[0]!
    .split('/')
    .at(-1)!
    .replace(/:.*|(\.bpf)?\.[co]$/g, '');
  return `skep-${last.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`.slice(0, 63).replace(/-$/, '');
}

function checkName(flag: string, name: string): void {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return;
  throw usageError(
    `${flag}: "${name}" is no name for Kubernetes`,
    'At most 63 lower-case letters and digits, and inside also "-".',
  );
}
