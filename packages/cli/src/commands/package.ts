import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { findImage, openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { pullImage } from '../pull-image.ts';
import { settingsOf } from '../settings.ts';

interface Flags {
  tag: string;
  platform?: string;
  quiet?: boolean;
}

/** `skep package` */
export function define(command: Command): void {
  command
    .argument('<reference>', 'a probe of the local store; one with a registry is pulled when it is absent')
    .requiredOption('-t, --tag <name>', "the container image's name")
    .option('--platform <list>', "linux/amd64,linux/arm64; without it, the probe's")
    .option('-q, --quiet', 'print only the digest')
    .action(make);
  examples(
    command,
    'skep package oomkill:1 -t registry.example/oomkill-run:1',
    'skep push registry.example/oomkill-run:1',
    'skep save oomkill-run:1 | podman load',
    'podman run --rm --pid host --cap-drop all --cap-add bpf,perfmon,dac_read_search \\',
    '  --security-opt seccomp=unconfined -v /sys/kernel/tracing:/sys/kernel/tracing:ro oomkill-run:1 -o json',
    '',
    'The image holds Node, skep and the probe, and runs "skep run PROBE" with what follows its name. No engine is asked to make it. docs/running.md says what it needs to run.',
  );
}

async function make(reference: string, flags: Flags, command: Command): Promise<void> {
  const settings = settingsOf(command);
  const { parseReference } = await import('@skep/oci');
  parseReference(flags.tag); // before anything is fetched for it
  const store = await openStore(settings);
  if (!(await store.resolve(reference))) await pullImage(reference, settings, flags.platform);
  const probe = await findImage(store, reference);
  const { unpackImage } = await import('@skep/probe');
  const described = await unpackImage(store, probe);
  const { packageProbe } = await import('../package/package.ts');
  const platforms = flags.platform?.split(',').map((p) => p.trim());
  const { digest } = await packageProbe(store, probe, described, flags.tag, platforms);
  if (flags.quiet) return out(`${digest}\n`);
  const stored = await findImage(store, flags.tag);
  const { humanSize } = await import('../output/size.ts');
  await out(`${stored.reference}: digest: ${digest} size: ${humanSize(stored.size)}\n`);
}
