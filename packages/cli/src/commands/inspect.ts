import { formatPlatform, parsePlatform } from '@skep/oci';
import type { Command } from 'commander';
import { mayBeAttested } from '../attested.ts';
import { describeProbe } from '../describe-image.ts';
import { report } from '../errors.ts';
import { examples } from '../examples.ts';
import { openStore } from '../images.ts';
import { out } from '../output/out.ts';
import { type Data, template, toJson } from '../output/template.ts';
import { fileOrImage, type Source } from '../probe-source.ts';
import type { Said } from '../said-of-image.ts';
import { type Settings, settingsOf } from '../settings.ts';

/** `skep inspect` */
export function define(command: Command): void {
  command
    .argument('<program...>', 'images of the local store, or object files')
    .option('--platform <os/arch>', "of an image for several, this part; this machine's unless said")
    .option('-f, --format <template>', 'a Go template, or json for an object a line')
    .action(inspect);
  examples(
    command,
    'skep inspect oomkill:1',
    "skep inspect --format '{{.Digest}}' oomkill:1",
    "skep inspect --format '{{json .Manifest}}' oomkill:1",
    'skep inspect -f \'{{range .Layers}}{{printf "%-12s %s" .Kind .Digest}}{{println}}{{end}}\' oomkill:1',
    'skep inspect --platform linux/arm64 oomkill:1',
    "skep inspect --format '{{json .Provenance.SLSA}}' oomkill:1      how it was built, where the image says",
    "skep inspect --format '{{json .SBOM.SPDX}}' oomkill:1            what it was made of",
  );
}

const NOTHING_SAID: Said = { Attestations: [], Provenance: {}, SBOM: {} };

/** A JSON array of all that were found; a name that was not makes the exit code, as docker does. */
async function inspect(
  programs: string[],
  flags: { format?: string; platform?: string },
  command: Command,
): Promise<void> {
  const settings = settingsOf(command);
  const filled = flags.format && flags.format !== 'json' ? template(flags.format) : undefined;
  const { describeObject } = await import('@skep/probe');
  const found: Data[] = [];
  for (const program of programs) {
    try {
      let said: Said = NOTHING_SAID;
      const { image, stored } = await fileOrImage(
        program,
        settings,
        flags.platform,
        async (source, store) => {
          if (source.stored && store && mayBeAttested(store, source.stored)) {
            const { saidOfImage } = await import('../said-of-image.ts');
            said = await saidOfImage(store, source.stored);
          }
        },
      ).catch((e: unknown) => withoutProbe(e, program, settings, flags.platform));
      const objects = image.objects.map((o) => describeObject(o.bytes, o.name));
      const { index, manifest } = stored ?? {};
      found.push({
        ...describeProbe(program, image, objects, stored),
        Attestations: said.Attestations,
        // Kilobytes, which a template asks for by name.
        ...(filled && { Provenance: said.Provenance, SBOM: said.SBOM }),
        ...(index && { Index: index as unknown as Data }),
        ...(manifest && { Manifest: manifest as unknown as Data }),
      });
    } catch (e) {
      process.exitCode = report(e, settings.verbose);
    }
  }
  if (filled) await out(found.map((data) => `${filled.fill(data)}\n`).join(''));
  else if (flags.format === 'json') await out(found.map((data) => `${toJson(data)}\n`).join(''));
  else await out(`${toJson(found, 4)}\n`);
}

/** Of an image that is none of a probe, as a container that `skep package` made, all but what a probe has is shown. */
async function withoutProbe(
  error: unknown,
  reference: string,
  settings: Settings,
  platform: string | undefined,
): Promise<Source> {
  if ((error as { code?: unknown }).code !== 'SKEP_IMAGE_UNSUPPORTED') throw error;
  const store = await openStore(settings);
  const stored = await store.resolve(reference, platform === undefined ? undefined : parsePlatform(platform));
  // One of ours that cannot be read was made by a newer skep.
  if (!stored || stored.manifest.artifactType === 'application/vnd.dev.skep.probe.v1') throw error;
  const own = stored.manifestDescriptor.platform;
  return {
    image: { name: stored.reference, objects: [], ...(own && { platform: formatPlatform(own) }) },
    stored,
  };
}
