import type { Builder, ProbeImage } from '@skep/probe';
import { compileFile, objectName } from './compile.ts';
import { usageError } from './errors.ts';
import { objectFile } from './probe-source.ts';

/** The flags of `skep build` that objects depend on. */
export interface ObjectFlags {
  cflags?: string[];
  mcpu?: string;
  clang?: string;
  vmlinux?: string[];
  builder?: string;
  buildImage?: string;
  quiet?: boolean;
}

/** What is built for one platform. */
export interface BuiltObjects extends Pick<ProbeImage, 'platform' | 'skepHeader'> {
  objects: ProbeImage['objects'];
  /** The sources, and what of theirs they include. Absolute paths. */
  files: string[];
  /** The compiler's path and version; absent when all was compiled already. */
  clang?: string;
  /** The container image that it came from. */
  builderImage?: string;
}

/** The platforms that `--platform` names, `linux/amd64,linux/arm64`; undefined is this machine's. */
export function platformsOf(said: string | undefined): (string | undefined)[] {
  if (said === undefined) return [undefined];
  const platforms = said.split(',').map((p) => p.trim());
  if (platforms.includes(''))
    throw usageError('--platform has an empty place', 'Like linux/amd64,linux/arm64.');
  return [...new Set(platforms)];
}

/** Compiles (or reads) all files for a platform. */
export async function buildObjects(
  files: readonly string[],
  flags: ObjectFlags,
  platform: string | undefined,
): Promise<BuiltObjects> {
  const vmlinux = vmlinuxOf(flags.vmlinux ?? [], platform);
  const built = await Promise.all(
    files.map(async (file) => {
      const name = objectName(file);
      if (file.endsWith('.o')) {
        const { image } = await objectFile(file);
        return { name, bytes: image.objects[0]!.bytes, files: [] };
      }
      const { cflags, mcpu: cpu, clang } = flags;
      const builder = builderOf(flags);
      const compiled = await compileFile(file, { cflags, cpu, clang, vmlinux, platform, builder });
      const { object: bytes, files, skepHeader, clang: used, builderImage } = compiled;
      return { name, bytes, files, skepHeader, clang: used, builderImage };
    }),
  );
  const skepHeader = built.map((b) => b.skepHeader).find((v) => v !== undefined);
  const { clang: used, builderImage } = built.find((b) => b.clang !== undefined) ?? {};
  return {
    platform,
    objects: built.map(({ name, bytes }) => ({ name, bytes })),
    files: [...new Set(built.flatMap((b) => b.files))],
    ...(skepHeader !== undefined && { skepHeader }),
    ...(used !== undefined && { clang: used }),
    ...(builderImage !== undefined && { builderImage }),
  };
}

/** `--builder`, `--build-image`; the image alone goes with podman. */
function builderOf({ builder, buildImage: image, quiet }: ObjectFlags): Builder | undefined {
  if (builder === undefined && image === undefined) return undefined;
  const progress = quiet ? undefined : (text: string) => void process.stderr.write(text);
  return { program: builder ?? 'podman', image, progress };
}

/** Of `--vmlinux FILE` and `--vmlinux linux/arm64=FILE` the one for this platform. */
function vmlinuxOf(words: readonly string[], platform: string | undefined): string | undefined {
  const said = words.map((word) => {
    const [, wanted, file] = /^(linux\/\w+)=(.*)$/s.exec(word) ?? [undefined, undefined, word];
    return { wanted, file: file! };
  });
  const own = said.filter((s) => s.wanted !== undefined && s.wanted === platform);
  const fits = own.length > 0 ? own : said.filter((s) => s.wanted === undefined);
  if (fits.length > 1) {
    throw usageError(
      `--vmlinux is given ${fits.length} times for ${platform ?? 'this machine'}`,
      'Say whose each is: --vmlinux linux/arm64=FILE.',
    );
  }
  return fits[0]?.file;
}
