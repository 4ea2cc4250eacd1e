import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { out } from '../output/out.ts';
import { isFile, looksLikePath } from '../probe-source.ts';
import { runSource } from '../run/source.ts';
import { settingsOf } from '../settings.ts';
import { type ListenAddress, parseListen } from '../values.ts';

interface Flags {
  promListen?: ListenAddress;
  prom: boolean;
  image?: string;
  name?: string;
  namespace: string;
  monitor?: boolean;
}

/** `skep generate` */
export function define(command: Command): void {
  command
    .usage('[options] <kind> <program> [-- FLAGS OF RUN]')
    .addArgument(
      new Argument('<kind>', 'what manages the machine or the cluster').choices([
        'systemd',
        'kubernetes',
        'rules',
      ]),
    )
    .argument('<program>', 'an image (pulled if absent) or an object file')
    .argument('[words...]', 'behind --, flags of skep run: parameters, filters')
    .option('--prom-listen <address>', 'where /metrics and /healthz listen', parseListen('--prom-listen'))
    .option('--no-prom', 'neither (systemd)')
    .option(
      '--name <name>',
      "what the objects are called (kubernetes), or the job (rules); else the probe's name",
    )
    .option('--namespace <name>', 'where they are (kubernetes)', 'skep')
    .option('--image <reference>', 'the container image with skep and the probe (kubernetes)')
    .option('--monitor', "also a ServiceMonitor, for Prometheus' operator (kubernetes)")
    .action(generate);
  examples(
    command,
    'skep generate systemd oomkill:1 | sudo tee /etc/systemd/system/oomkill.service',
    'skep generate systemd tcpconnlat:1 -- --min-latency 5ms',
    'skep generate kubernetes oomkill:1 --image registry.example/oomkill:1 --monitor | kubectl apply -f -',
    'skep generate rules oomkill:1 --name oomkill > oomkill.rules.yaml     alerts for Prometheus: gone, losing events',
    '',
    "The unit runs as a user of its own with the capabilities that the probe's hooks need, and is ready once it is attached.",
  );
}

async function generate(
  kind: string,
  program: string,
  words: string[],
  flags: Flags,
  command: Command,
): Promise<void> {
  const settings = settingsOf(command);
  const { image } = await runSource(program, { pull: 'missing' }, settings);
  const { describeObject } = await import('@skep/probe');
  const { needsOf } = await import('../generate/needs.ts');
  const needs = needsOf(image.objects.map((o) => describeObject(o.bytes, o.name)));
  const path = (await isFile(program)) || looksLikePath(program);
  if (kind === 'systemd') {
    const { systemdUnit } = await import('../generate/systemd.ts');
    const { host, port } = flags.promListen ?? { host: '127.0.0.1', port: 9091 };
    const unit = {
      program: path ? resolve(program) : image.name,
      description: image.description?.replace(/\s+/g, ' ') ?? program,
      skep: [process.execPath, resolve(process.argv[1]!)],
      storage: resolve(settings.storage),
      listen: flags.prom ? `${host.includes(':') ? `[${host}]` : host}:${port}` : undefined,
      words,
    };
    return out(systemdUnit(unit, needs));
  }
  if (kind === 'rules') {
    const { alertRules } = await import('../generate/rules.ts');
    return out(alertRules(flags.name ?? nameOf(program)));
  }
  if (flags.image === undefined)
    throw usageError(
      'kubernetes needs --image',
      `A container image that has skep and ${program}, in a registry that the nodes reach.`,
    );
  const { kubernetesManifests } = await import('../generate/kubernetes.ts');
  const options = {
    name: flags.name ?? nameOf(program),
    namespace: flags.namespace,
    image: flags.image,
    program,
    port: flags.promListen?.port ?? 9091,
    words,
    monitor: flags.monitor ?? false,
  };
  await out(kubernetesManifests(options, needs));
}

/** A name that Kubernetes takes: RFC 1123. */
function nameOf(program: string): string {
  const last = program
    .split('@', 1)[0]!
    .split('/')
    .at(-1)!
    .replace(/:.*|\.o$/g, '');
  return `skep-${last.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`.slice(0, 63).replace(/-$/, '');
}
