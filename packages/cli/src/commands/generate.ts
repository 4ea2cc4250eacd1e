import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { sourceWith } from '../generate/carried.ts';
import type { Needs } from '../generate/needs.ts';
import { out } from '../output/out.ts';
import { isFile, looksLikePath, type Source } from '../probe-source.ts';
import { settingsOf } from '../settings.ts';
import { type ListenAddress, parseListen } from '../values.ts';

interface Flags {
  promListen?: ListenAddress;
  prom: boolean;
  image?: string;
  name?: string;
  namespace: string;
  monitor?: boolean;
  output?: string;
  agent?: boolean;
}

/** Where metrics are unless said: of a probe, and of the agent. */
const PORT = 9091;
const AGENT_PORT = 9464;

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
  agent: ['systemd', 'kubernetes'],
};

/** `skep generate` */
export function define(command: Command): void {
  command
    .usage('[options] <kind> <program|--agent> [-- FLAGS OF RUN]')
    .addArgument(new Argument('<kind>', 'what manages or shows it').choices(KINDS))
    .argument('[program]', 'an image (pulled if absent) or an object file')
    .argument(
      '[words...]',
      'behind --, flags of skep run or agent: parameters, filters (systemd, kubernetes)',
    )
    .option('--agent', 'the node agent, skep agent, instead of a program (systemd, kubernetes)')
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
    'skep generate systemd --agent -- --config /etc/skep/agent.yaml | sudo tee /etc/systemd/system/skep-agent.service',
    'skep generate dashboards oomkill:1 > oomkill.json    for Grafana: what the image carries, else made of its metrics',
    'skep generate rules oomkill:1 --name oomkill > oomkill.rules.yaml    alerts for Prometheus: gone, losing events, and',
    '                                                                      those that the image carries',
    '',
    "The unit runs as a user of its own with the capabilities that the probe's hooks need, and is ready once it is attached.",
  );
}

async function generate(
  kind: Kind,
  program: string | undefined,
  words: string[],
  flags: Flags,
  command: Command,
): Promise<void> {
  if (flags.agent) return out(await ofAgent(kind, [program ?? [], words].flat(), flags, command));
  if (program === undefined)
    throw usageError('no program is named', `skep generate ${kind} IMAGE, or --agent for the node agent`);
  refuseForeign(kind, words, command);
  const settings = settingsOf(command);
  const extra = kind === 'dashboards' ? 'dashboard' : kind === 'rules' ? 'rules' : undefined;
  const { image, extras, storage = settings.storage } = await sourceWith(program, extra, settings);
  if (kind === 'dashboards') {
    const { writeDashboards } = await import('../generate/write-dashboards.ts');
    return writeDashboards(image, extras, flags.output);
  }
  if (kind === 'rules') {
    const { rulesFile } = await import('../generate/rules.ts');
    const carried = extras.map(({ name, bytes }) => ({ name, text: Buffer.from(bytes).toString('utf8') }));
    return out(rulesFile(flags.name ?? nameOf(program), carried));
  }
  const { checkRunWords } = await import('../generate/check-words.ts');
  await checkRunWords(image, flags.prom ? words : ['--no-prom', ...words]);
  return out(
    kind === 'systemd'
      ? await unit(program, image, words, flags, storage)
      : await manifests(program, image, words, flags),
  );
}

/** @param words behind `--`: the first of them comes where a program would */
async function ofAgent(kind: Kind, words: string[], flags: Flags, command: Command): Promise<string> {
  refuseForeign(kind, words, command);
  if (words.length > 0 && !words[0]!.startsWith('-'))
    throw usageError(
      `--agent is instead of a program, and "${words[0]}" is one`,
      `Flags of skep agent stand behind --: skep generate ${kind} --agent -- --port 8080`,
    );
  const { IMAGES, readImage } = await import('@skep/agent');
  const { describeObject } = await import('@skep/probe');
  const { agentNeeds } = await import('../generate/needs.ts');
  const { checkAgentWords } = await import('../generate/check-words.ts');
  checkAgentWords(words);
  const objects = IMAGES.map(readImage).map((o) => describeObject(o.bytes, o.name));
  if (kind === 'systemd') {
    const { agentUnit } = await import('../generate/systemd.ts');
    const { paranoidPerfEvents } = await import('../perf-events.ts');
    const { NODE_FLAGS } = await import('../agent/small.ts');
    const about = { skep: thisCommand(...NODE_FLAGS), listen: listenOf(flags, AGENT_PORT), words };
    return agentUnit(about, agentNeeds(objects, paranoidPerfEvents() !== undefined));
  }
  const port = flags.promListen?.port ?? AGENT_PORT;
  const args = ['agent', '--no-tty', '--socket', '/tmp/agent.sock', '--prom-listen', `:${port}`, ...words];
  return kubernetes(
    { flags, name: flags.name ?? 'skep-agent', what: 'skep', port, args },
    agentNeeds(objects),
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
  storage: string,
): Promise<string> {
  const { probeUnit } = await import('../generate/systemd.ts');
  const path = (await isFile(program)) || looksLikePath(program);
  const about = {
    program: path ? resolve(program) : image.name,
    description: image.description?.replace(/\s+/g, ' ') ?? program,
    skep: thisCommand(),
    storage: resolve(storage),
    ...(process.env.SKEP_POLICY && { policy: resolve(process.env.SKEP_POLICY) }),
    listen: listenOf(flags, PORT),
    words,
  };
  // The unit is for this machine; of a cluster's nodes nothing is known here.
  const { paranoidPerfEvents } = await import('../perf-events.ts');
  return probeUnit(about, await needsOf(image, paranoidPerfEvents() !== undefined));
}

/** The words that a unit starts skep by. */
function thisCommand(...nodeFlags: string[]): string[] {
  return [process.execPath, ...nodeFlags, resolve(process.argv[1]!)];
}

function listenOf({ prom, promListen }: Flags, port: number): string | undefined {
  const at = promListen ?? { host: '127.0.0.1', port };
  return prom ? `${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}` : undefined;
}

async function manifests(
  program: string,
  image: Source['image'],
  words: readonly string[],
  flags: Flags,
): Promise<string> {
  const port = flags.promListen?.port ?? PORT;
  const args = ['run', program, '-o', 'json', '--prom-listen', `:${port}`, ...words];
  const about = { flags, name: flags.name ?? nameOf(program), what: `skep and ${program}`, port, args };
  return kubernetes(about, await needsOf(image));
}

interface Manifests {
  readonly flags: Flags;
  readonly name: string;
  /** What the container image must have. */
  readonly what: string;
  readonly port: number;
  readonly args: readonly string[];
}

async function kubernetes({ flags, name, what, port, args }: Manifests, needs: Needs): Promise<string> {
  const { namespace, image } = flags;
  if (image === undefined)
    throw usageError(
      'kubernetes needs --image',
      `A container image that has ${what}, in a registry that the nodes reach.`,
    );
  (await import('@skep/oci')).parseReference(image);
  checkName('--name', name);
  checkName('--namespace', namespace);
  const { kubernetesManifests } = await import('../generate/kubernetes.ts');
  return kubernetesManifests({ name, namespace, image, port, args, monitor: flags.monitor ?? false }, needs);
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
