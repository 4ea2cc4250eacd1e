import { setFlagsFromString } from 'node:v8';
import type { KernelFacts, Verdict } from '@skep/bpf';
import type { KernelTypes, ProbeImage } from '@skep/probe';
import type { Command } from 'commander';
import { dryLoad } from '../check/dry-load.ts';
import { type CheckedKernel, kernelsOf } from '../check/kernels.ts';
import { perfNote } from '../check/perf-note.ts';
import { type KernelReport, reportData } from '../check/report.ts';
import { checkedTargets } from '../check/targets.ts';
import { checkText } from '../check/text.ts';
import { examples } from '../examples.ts';
import { ExitCode } from '../exit-codes.ts';
import { useColor } from '../output/color.ts';
import { out } from '../output/out.ts';
import { template, toJson } from '../output/template.ts';
import { type SourceCheck, storedPlatforms } from '../probe-source.ts';
import { gatherParams, imageParams } from '../run/gather-params.ts';
import { runSource } from '../run/source.ts';
import { policyFor } from '../run/trust.ts';
import { collect, type Settings, settingsOf } from '../settings.ts';
import { mark } from '../timing.ts';
import { collectPairs } from '../values.ts';

interface CheckFlags {
  kernel?: string[];
  set?: Record<string, string>;
  attach?: string[];
  twins: boolean;
  load: boolean;
  platform?: string;
  format?: string;
}

/** `skep check` */
export function define(command: Command): void {
  command
    .argument('<program>', 'an image (pulled if absent), an object file or a C file')
    .option(
      '--kernel <kernel>',
      'a version skep knows, BTF or a folder of it, "running" or "all"; may be repeated (running)',
      collect,
    )
    .option('--set <name=value>', 'a parameter as it would be set, may be repeated', collectPairs('--set'))
    .option('--attach <prog=target>', 'where a program would go, as in run; may be repeated', collect)
    .option('--no-twins', 'take no twins for alternatives, as in run')
    .option('--platform <os/arch>', 'of an image for several, only this part; else all that are here')
    .option('--no-load', 'do not ask the running kernel to load it')
    .option('--format <template>', 'json, or a Go template filled for each kernel')
    .action(check);
  examples(
    command,
    'sudo skep check oomkill:1                      on this machine; loaded too, not attached',
    'skep check oomkill:1 --kernel 5.10 --kernel 6.12',
    'skep check probe.c --kernel all --format json',
    'skep check probe.o --kernel vmlinux-5.4.btf',
    'skep check probe.o --attach read=vfs_read --kernel all',
    "skep check oomkill:1 --kernel all --format '{{.Kernel}} {{.State}}'",
    '',
    'yes: nothing is in the way. no: refused for certain. ?: nobody can tell. Numbers stand for the reasons below.',
    'Exits with 0 when it runs on every kernel, with 5 when one refuses it, else with 8 when something is not known.',
  );
}

async function check(program: string, flags: CheckFlags, command: Command): Promise<void> {
  // Over before what V8's slow compiler makes pays: on other processors' time, which the kernel's verifier has better use for.
  setFlagsFromString('--no-turbofan');
  const filled = flags.format && flags.format !== 'json' ? template(flags.format) : undefined;
  const asked = await kernelsOf(flags.kernel ?? []);
  for (const kernel of asked)
    if (!kernel.running && (kernel.onlyFor ?? process.arch) === process.arch) void kernel.facts();
  const settings = settingsOf(command);
  // Nor does it reach the kernel to be tried what may not be run.
  const loads = flags.load && asked.some((kernel) => kernel.running);
  const parts = await partsOf(
    program,
    flags.platform,
    settings,
    loads ? await policyFor(program, settings) : undefined,
  );
  const meant = asked.filter(
    (k) => k.onlyFor === undefined || parts.some((p) => processorOf(p) === k.onlyFor),
  );
  mark('program read');
  const reports = await reportsOf(meant, async (kernel, loads) =>
    reportOf(await partFor(parts, kernel), kernel, flags, loads),
  );
  mark('kernels looked at');
  const states = reports.map((r) => r.verdict.state);
  process.exitCode = states.includes('refused')
    ? ExitCode.kernel
    : states.includes('unknown')
      ? ExitCode.unknown
      : ExitCode.ok;
  if (flags.format === undefined) return out(checkText(reports, useColor(process.stdout)));
  const rows = reports.map(reportData);
  await out(filled ? rows.map((row) => `${filled.fill(row)}\n`).join('') : `${toJson(rows, 2)}\n`);
}

const NOTHING = (): void => {};

/** One for each, in their order. The running kernel loads on threads of its own while the others are looked at. */
async function reportsOf(
  kernels: readonly CheckedKernel[],
  report: (kernel: CheckedKernel, loads: () => void) => Promise<KernelReport>,
): Promise<KernelReport[]> {
  const done = new Map<CheckedKernel, Promise<KernelReport>>();
  const running = kernels.find((kernel) => kernel.running);
  if (running)
    await new Promise<unknown>((resolve) => {
      const loads = () => resolve(undefined);
      const it = report(running, loads);
      done.set(running, it);
      it.then(loads, loads);
    });
  mark('loads begun');
  for (const kernel of kernels) if (kernel !== running) done.set(kernel, report(kernel, NOTHING));
  return Promise.all(kernels.map((kernel) => done.get(kernel)!));
}

/** What is checked: an image for several platforms has a part for each of them, and those are taken that are here. */
async function partsOf(
  program: string,
  platform: string | undefined,
  settings: Settings,
  mayLoad: SourceCheck | undefined,
): Promise<ProbeImage[]> {
  const here = await storedPlatforms(program, settings);
  if (platform === undefined && here.length > 1) {
    const parts = here.map((p) => runSource(program, { pull: 'never', platform: p }, settings, mayLoad));
    return (await Promise.all(parts)).map((p) => p.image);
  }
  const wanted = platform ?? here[0];
  return [(await runSource(program, { pull: 'missing', platform: wanted }, settings, mayLoad)).image];
}

/** The part for a kernel's processor; where there is none, the first, of which it is said why it is refused. */
async function partFor(parts: readonly ProbeImage[], kernel: CheckedKernel): Promise<ProbeImage> {
  if (parts.length === 1) return parts[0]!;
  const wanted = kernel.onlyFor ?? ((await kernel.facts()).architecture === 'arm64' ? 'arm64' : 'x64');
  return parts.find((p) => processorOf(p) === wanted) ?? parts[0]!;
}

/** What the image was built for, in Node's words; an object file does not say, and is taken to be for this machine. */
function processorOf({ platform }: ProbeImage): string {
  const built = platform?.split('/')[1];
  if (built === undefined || built === 'unknown') return process.arch;
  return built === 'amd64' ? 'x64' : built;
}

/** @param loads called when what takes long goes on elsewhere */
async function reportOf(
  image: ProbeImage,
  kernel: CheckedKernel,
  flags: CheckFlags,
  loads: () => void,
): Promise<KernelReport> {
  const { checkObject, describeObject, findParam, worst } = await import('@skep/probe');
  for (const name of Object.keys(flags.set ?? {}))
    findParam(
      image.objects.flatMap((o) => describeObject(o.bytes, o.name).params),
      name,
      '--set',
    );
  const params = {
    ...imageParams(image.params),
    ...(await gatherParams([image], flags, [], process.env)),
  };
  const { typesFile, typesForRunning } = await import('../kernel-types.ts');
  const types = kernel.running ? await typesForRunning(image) : undefined;
  const known = await kernel.facts();
  const facts = types ? await withTypes(known, types) : known;
  using file = types && typesFile(types);
  const notes = types
    ? [`the kernel has no types of its own: those that the image has for ${types.release} are used`]
    : [];
  const targetsOf = await checkedTargets(image, flags.attach ?? []);
  const objects = [];
  for (const { name, bytes } of image.objects) {
    const { first, more, all } = targetsOf(name);
    const options = { params, twins: flags.twins, targets: first };
    // Where a program has several targets each has to be there.
    const found = new Map<string, Verdict>();
    for (const targets of more)
      for (const { name: program, verdict } of checkObject(bytes, name, facts, { ...options, targets })
        .programs)
        if (verdict.state === 'refused') found.set(program, verdict);
    const check = (loaded?: ReadonlySet<string>) =>
      checkObject(bytes, name, facts, { ...options, found, loaded });
    const checked = check();
    if (!kernel.running || !flags.load) {
      objects.push(checked);
      continue;
    }
    const asRun = { params, targets: first, attach: all, types: file?.path };
    const { verdicts, loaded, note } = await dryLoad(bytes, checked, asRun, loads);
    if (note) notes.push(note);
    for (const [program, verdict] of verdicts) found.set(program, verdict);
    const settled = checked.programs.some((p) => loaded.has(p.name) && p.verdict.state === 'unknown');
    const object = verdicts.size > 0 || settled ? check(loaded) : checked;
    const { capabilities } = await import('@skep/bpf');
    const denied = note ? undefined : perfNote(object, capabilities());
    if (denied) notes.push(denied);
    objects.push(object);
  }
  const idle = objects.every((o) => o.idle) ? objects.flatMap((o) => o.idle ?? []).slice(0, 1) : [];
  const verdicts = [
    ...architecture(image, facts.architecture),
    ...objects.map((o) => o.verdict),
    ...idle,
    ...(await nothingToShow(image)),
  ];
  return {
    kernel: kernel.name,
    version: facts.version[0] === 0 ? '' : facts.version.join('.'),
    architecture: facts.architecture,
    verdict: worst(verdicts),
    objects,
    notes,
  };
}

/** A map of which `run` would make no table and no metric it refuses, on every kernel. */
async function nothingToShow(image: ProbeImage): Promise<Verdict[]> {
  const { metricsOf } = await import('@skep/runtime');
  try {
    metricsOf(image.objects, image.show);
    return [];
  } catch (e) {
    const { code, message, hint } = e as { code?: string; message: string; hint?: string };
    // What is no object at all has been told.
    if (code !== 'SKEP_STREAM_INVALID') return [];
    return [{ state: 'refused', reason: message, hint }];
  }
}

/** What relocations ask for is known then, and nothing else: the image's types are only the needed ones. */
async function withTypes(facts: KernelFacts, types: KernelTypes): Promise<KernelFacts> {
  const { Btf } = await import('@skep/bpf');
  const relocationTypes = Btf.parse(types.bytes);
  // A copy of the object would ask for everything at once.
  return Object.create(facts, { relocationTypes: { value: relocationTypes } }) as KernelFacts;
}

/** Bytecode for another machine would load, and read arguments from the wrong registers: `run` refuses it. */
function architecture(image: ProbeImage, kernel: 'x86_64' | 'arm64'): Verdict[] {
  const built = image.platform?.split('/')[1];
  const wanted = kernel === 'arm64' ? 'arm64' : 'amd64';
  if (built === undefined || built === 'unknown' || built === wanted) return [];
  return [
    {
      state: 'refused',
      reason: `the image was built for ${image.platform}, and the kernel is for ${wanted}`,
    },
  ];
}
