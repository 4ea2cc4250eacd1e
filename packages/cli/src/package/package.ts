import { type Descriptor, imagesOf, type Platform, type Store, type StoredImage } from '@skep/oci';
import { type ContainerPart, putContainer } from '@skep/oci/container';
import type { ProbeImage } from '@skep/probe';
import { CliError } from '../errors.ts';
import { nodeLayer, probeLayer, STORE_IN_CONTAINER, skepLayer } from './layers.ts';
import type { Architecture } from './node.ts';

const architectures: Readonly<Record<string, Architecture>> = { amd64: 'x64', arm64: 'arm64' };

/**
 * Makes a container image that runs a probe: Node, skep and the probe, a layer each, for every platform asked for.
 *
 * @param probe an image of the store, whatever tool made it
 * @param target the container image's name
 * @param platforms those asked for; those of the probe without
 * @throws CliError SKEP_PLATFORM, SKEP_NODE_PACKAGE, SKEP_NOT_BUILT
 */
export async function packageProbe(
  store: Store,
  probe: StoredImage,
  described: ProbeImage,
  target: string,
  platforms?: readonly string[],
): Promise<Descriptor> {
  const layer = await probeLayer(store, probe);
  const parts: ContainerPart[] = [];
  for (const { platform, arch } of wanted(probe, platforms)) {
    const layers = [await nodeLayer(store, arch), await skepLayer(store, arch), layer];
    parts.push({ platform, layers });
  }
  const texts = {
    title: described.title ?? described.name,
    description: described.description,
    version: described.version,
    licenses: described.licenses,
    source: described.source,
  };
  const labels = Object.entries(texts)
    .filter(([, text]) => text)
    .map(([key, text]) => [`org.opencontainers.image.${key}`, String(text)]);
  return putContainer(store, target, parts, {
    entrypoint: ['/usr/bin/skep', 'run', probe.reference],
    env: ['PATH=/usr/bin', 'HOME=/root', `SKEP_STORAGE=${STORE_IN_CONTAINER}`],
    labels: { ...Object.fromEntries(labels), 'dev.skep.probe': probe.descriptor.digest },
    stopSignal: 'SIGTERM',
    // A time of its own would give each packaging another digest.
    created: (probe.created ?? new Date(0)).toISOString().replace('.000Z', 'Z'),
  });
}

function wanted(
  probe: StoredImage,
  asked: readonly string[] | undefined,
): { platform: Platform; arch: Architecture }[] {
  const { index, fetched, reference } = probe;
  const here = index ? imagesOf(index).filter((m) => fetched?.includes(m.digest)) : [];
  // A variant (linux/arm64/v8, as podman writes it) is no other container here: Node is for any.
  const has = here.flatMap(({ platform: p }) => (p ? [`${p.os}/${p.architecture}`] : []));
  const machine = process.arch === 'x64' ? 'linux/amd64' : `linux/${process.arch}`;
  const texts = (asked ?? (has.length > 0 ? has : [machine])).map((t) => t.split('/').slice(0, 2).join('/'));
  return [...new Set(texts)].map((text) => {
    const [os, architecture = ''] = text.split('/');
    const arch = os === 'linux' ? architectures[architecture] : undefined;
    if (arch === undefined)
      throw new CliError(
        'SKEP_PLATFORM',
        `skep itself does not run on ${text}`,
        'It runs on linux/amd64 and linux/arm64.',
      );
    if (has.length > 0 && !has.includes(`linux/${architecture}`))
      throw new CliError(
        'SKEP_PLATFORM',
        `${reference} is not here for ${text}`,
        `It is for ${has.join(', ')}. skep build --platform makes it for more, skep pull --platform fetches more.`,
      );
    return { platform: { os: 'linux', architecture }, arch };
  });
}
