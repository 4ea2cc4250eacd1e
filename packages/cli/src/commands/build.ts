import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Store, StoredImage } from '@skep/oci';
import type { PrivateKey } from '@skep/oci/signatures';
import type { ProbeImage } from '@skep/probe';
import type { Predicate } from '@skep/probe/attest';
import { type Command, Option } from 'commander';
import type { AttestFlags } from '../attest-build.ts';
import { aboutImage, extrasOf, folderOf } from '../build-folder.ts';
import { type BuiltObjects, buildObjects, type ObjectFlags, platformsOf } from '../build-objects.ts';
import { objectName } from '../compile.ts';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { writeWhole } from '../fs-errors.ts';
import { openStore } from '../images.ts';
import { note, out } from '../output/out.ts';
import { isFile } from '../probe-source.ts';
import { collect, settingsOf } from '../settings.ts';

interface BuildFlags extends ObjectFlags, AttestFlags {
  tag?: string;
  outputFile?: string;
  binaryOnly?: boolean;
  btf?: string[];
  platform?: string;
  format: 'skep' | 'bee';
  embedSources?: boolean;
  description?: string;
  authors?: string;
}

/** `skep build` */
export function define(command: Command): void {
  command
    .argument(
      '<file...>',
      'C files (or ready objects), or a folder with a skep.yaml; then the name of the image',
    )
    .usage('[options] FILE...|FOLDER [NAME[:TAG]]')
    .option('-o, --output-file <file>', 'write the object here (without a name: beside the source, .o)')
    .option('-t, --tag <name>', "the image's name, as docker has it: then every word is a source")
    .option('--binary-only', 'only objects, no image')
    .option('--cflags <flags>', 'flags for clang, may be repeated', collect)
    .addOption(new Option('--mcpu <version>', 'BPF instruction set').choices(['v1', 'v2', 'v3', 'v4']))
    .option('--clang <file>', 'the compiler (SKEP_CLANG; else clang, clang-19 … clang-14)')
    .option('-b, --builder <program>', 'compile in a container: podman, docker')
    .option('-i, --build-image <image>', 'the image that has the compiler (else one made at the first use)')
    .option(
      '--vmlinux <[platform=]file>',
      "a vmlinux.h, or BTF to make it from, instead of this kernel's; may be repeated",
      collect,
    )
    .option(
      '--btf <[release=]file>',
      'BTF of a kernel without types of its own: what of it is needed is packed; may be repeated',
      collect,
    )
    .option(
      '--platform <os/arch,…>',
      "linux/amd64, linux/arm64, …: all in one image; this machine's unless said",
    )
    .addOption(new Option('--format <kind>', 'layout of the image').choices(['skep', 'bee']).default('skep'))
    .option('--embed-sources', 'pack the sources too: skep init --from IMAGE makes a folder of them')
    .option('--description <text>', 'what the probe is for (else what skep.yaml beside the first file says)')
    .option('--authors <text>', 'who made it (else skep.yaml)')
    .option('--provenance [how]', 'say in the image how it was built: true, mode=max, builder-id=URI')
    .option('--sbom [how]', 'say in the image what it was made of (SPDX): true')
    .option('--attest <what>', "the same in docker's words: type=provenance,mode=max or type=sbom", collect)
    .option(
      '--attest-key <file>',
      'sign both with this key (cosign.key) and attach them, as cosign attest does',
    )
    .option('-q, --quiet', "print only the image's digest")
    .addOption(new Option('-l, --local', 'as in bee; always so here').hideHelp())
    .action(build);
  examples(
    command,
    'skep build oomkill.c                       writes oomkill.o beside it',
    'skep build oomkill.c oomkill:1             an image in the local store',
    'skep build -t oomkill:1 oomkill.c          the same',
    'skep build a.c b.c ghcr.io/me/bundle:2     both in one image, run together',
    'skep build probes/oomkill                  what its skep.yaml lists, as NAME:VERSION',
    'skep build probe.c probe:1 --btf 5.4.0-150-generic.btf   for a kernel without BTF',
    'skep build probes/oomkill --platform linux/amd64,linux/arm64 --vmlinux linux/arm64=vmlinux-arm64.btf',
    "skep build probes/oomkill --builder podman  a pinned compiler, none of this machine's",
    'skep build probes/oomkill --provenance=mode=max --sbom=true --attest-key cosign.key',
    "skep build --cflags '-DMAX=10 -Iinclude' --mcpu v2 probe.c probe:1",
  );
}

async function build(words: string[], flags: BuildFlags, command: Command): Promise<void> {
  const { attestBuild, wantedAttestations } = await import('../attest-build.ts');
  const asked = wantedAttestations(flags);
  const { files, reference, dir = dirname(files[0]!) } = await split(words, flags.tag);
  if (reference === undefined || flags.binaryOnly) {
    if (asked) throw usageError('only an image can say how it was made', 'Name the image too: NAME[:TAG].');
    return writeObjects(files, flags);
  }
  const { parseReference } = await import('@skep/oci');
  const { repository, digest: wanted } = parseReference(reference);
  if (wanted !== undefined) {
    throw usageError(
      `"${reference}" holds a digest, so it cannot be a new name`,
      'Leave out what begins with @.',
    );
  }
  if (asked && flags.format === 'bee') {
    throw usageError("bee's format has no place for provenance and SBOM", 'Leave out --format bee.');
  }
  const key = flags.attestKey === undefined ? undefined : await readKey(flags.attestKey);
  const started = new Date();
  const about = await aboutImage(dir, flags);
  const built: BuiltObjects[] = [];
  for (const platform of platformsOf(flags.platform)) built.push(await buildObjects(files, flags, platform));
  if (flags.outputFile !== undefined) {
    const [only] = single(built);
    await writeWhole(flags.outputFile, single(only!.objects)[0]!.bytes);
  }
  const { packImage } = await import('@skep/probe');
  await noteCollisions(built[0]!.objects);
  const store = await openStore(settingsOf(command));
  // bee has no place for layers that are not loaded.
  const extras = flags.format === 'bee' ? [] : await extrasOf(dir, files, built, flags, basename(repository));
  const images: ProbeImage[] = [];
  for (const { platform, objects, skepHeader } of built) {
    const own = { platform, objects, skepHeader, ...(await kernelTypes(objects, platform)) };
    images.push({ ...about, extras, name: basename(repository), ...own });
  }
  const { title = basename(repository), version, licenses, source } = about;
  const said =
    asked &&
    (await attestBuild(asked, { name: title, version, licenses, source }, built, dir, flags, started));
  const attestations = key ? undefined : said;
  const image = await packImage(store, reference, images, { format: flags.format, attestations });
  if (said && key) await attachSigned(store, image, said(), key);
  const { digest, size } = image.descriptor;
  await out(flags.quiet ? `${digest}\n` : `${image.reference}: digest: ${digest} size: ${size}\n`);

  async function kernelTypes(
    objects: BuiltObjects['objects'],
    platform: string | undefined,
  ): Promise<Pick<ProbeImage, 'kernelTypes'>> {
    if (!flags.btf) return {};
    const { readKernelTypes } = await import('../kernel-types.ts');
    const types = await readKernelTypes(flags.btf, objects);
    // Of several platforms each has the kernels of its own; a single one may still hold what it was given.
    const own = { 'linux/amd64': 'x86_64', 'linux/arm64': 'arm64' }[platform ?? ''];
    return { kernelTypes: built.length > 1 ? types.filter((t) => t.architecture === own) : types };
  }
}

/** Of an index and of all manifests that it lists. */
async function attachSigned(
  store: Store,
  image: StoredImage,
  predicates: readonly Predicate[],
  key: PrivateKey,
): Promise<void> {
  const { attestImage, storePlace } = await import('@skep/oci/signatures');
  const parts = image.index?.manifests.map((m) => m.digest) ?? [];
  for (const predicate of predicates)
    await attestImage(storePlace(store), image.descriptor, parts, predicate, key);
}

async function readKey(file: string): Promise<PrivateKey> {
  const { privateKeyOf } = await import('../trust/key-files.ts');
  return privateKeyOf(file);
}

/** `--output-file` is for one object. */
function single<T>(list: readonly T[]): readonly T[] {
  if (list.length === 1) return list;
  throw usageError('--output-file is for one source and one platform', 'Leave it out, or build one by one.');
}

/** Says which parameters have no flag of their own, because `skep run` has one of that name. */
async function noteCollisions(objects: readonly { name: string; bytes: Uint8Array }[]): Promise<void> {
  const { describeObject } = await import('@skep/probe');
  const params = objects.flatMap((o) => describeObject(o.bytes, o.name).params);
  if (params.length === 0) return;
  const { collisions } = await import('../run/param-help.ts');
  for (const name of new Set(collisions(params).map((p) => p.name)))
    note(`the parameter ${name} has no flag of its own: run has one of that name; --set ${name}=… sets it`);
}

/** The last word names the image, unless it is a source or a file that is there. A folder names files and image. */
async function split(
  words: readonly string[],
  tag: string | undefined,
): Promise<{ files: string[]; reference?: string; dir?: string }> {
  const folder = await folderOf(tag === undefined ? words : [...words, tag]);
  if (folder) return folder;
  const last = words.at(-1)!;
  const isReference = tag === undefined && words.length > 1 && !/\.[co]$/.test(last) && !(await isFile(last));
  const files = isReference ? words.slice(0, -1) : [...words];
  for (const file of files) {
    if (/\.[co]$/.test(file)) continue;
    throw usageError(
      existsSync(file)
        ? `"${file}" is neither a .c nor a .o file`
        : `there is no "${file}", and it is no .c or .o file`,
      'skep build FILE.c... [NAME:TAG], or a folder with a skep.yaml.',
    );
  }
  const names = files.map(objectName);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw usageError(`two sources would be "${twice}"`, 'Rename one of them.');
  return { files, reference: isReference ? last : tag };
}

/** Without an image: objects beside their sources, as bee does. */
async function writeObjects(files: readonly string[], flags: BuildFlags): Promise<void> {
  if (flags.outputFile !== undefined) single(files);
  const [platform, ...others] = platformsOf(flags.platform);
  if (others.length > 0) {
    throw usageError('objects without an image are for one platform', 'Name the image too, or one platform.');
  }
  const objects = files.filter((file) => file.endsWith('.o'));
  if (objects.length > 0) {
    throw usageError(`${objects[0]} is compiled already`, `To pack it: skep build ${objects[0]} NAME:TAG`);
  }
  if (flags.outputFile !== undefined && resolve(flags.outputFile) === resolve(files[0]!)) {
    throw usageError(`${files[0]} would be overwritten`, 'Give --output-file another name.');
  }
  for (const file of files) {
    const { bytes } = (await buildObjects([file], flags, platform)).objects[0]!;
    const path = flags.outputFile ?? file.replace(/\.c$/, '.o');
    await writeWhole(path, bytes);
    if (!flags.quiet) await out(`${path}\n`);
  }
}
