import type { Store, StoredImage } from '@skep/oci';
import { parse, YAMLParseError } from 'yaml';
import { describeObject } from '../describe/describe.ts';
import { GADGET_CONFIG, GADGET_OBJECT, GADGET_WASM } from '../image/layout.ts';
import { checkedObject, invalid, platformOf, readLayer, readObject } from '../image/read-layers.ts';
import type { ProbeImage } from '../image/types.ts';
import { adaptGadget } from './gadget-object.ts';

/** What of gadget.yaml is used: https://inspektor-gadget.io/docs/latest/gadget-devel/metadata */
interface GadgetYaml {
  name?: unknown;
  description?: unknown;
  sourceURL?: unknown;
  params?: { ebpf?: Record<string, { defaultValue?: unknown } | null> | null } | null;
  programs?: Record<string, { attach_to?: unknown } | null> | null;
}

/** Reads an image of Inspektor Gadget: its one object, in our words. What a WASM module would do is left out, and said. */
export async function unpackGadget(store: Store, image: StoredImage): Promise<ProbeImage> {
  const { config, layers, annotations = {} } = image.manifest;
  const layer = layers.find((l) => l.mediaType === GADGET_OBJECT);
  if (!layer) throw invalid(image, 'it is a gadget without a BPF program');
  const { bytes } = await readObject(store, image, layer, 'program.o');
  const adapted = adaptGadget(bytes, 'program.o');
  const object = checkedObject(image, 'program.o', adapted.bytes);
  const yaml = config.mediaType === GADGET_CONFIG ? await readYaml(store, image) : {};
  const { programs, params } = describeObject(object.bytes, object.name);
  const attach = programs.flatMap(({ name }) => {
    const target = yaml.programs?.[name]?.attach_to;
    return typeof target === 'string' && target !== 'gadget_program_disabled' ? [`${name}=${target}`] : [];
  });
  const defaults = params.flatMap(({ name }) => {
    const value = yaml.params?.ebpf?.[name]?.defaultValue;
    return value === undefined || value === null || value === '' ? [] : [`${name}=${value}`];
  });
  const notes = [...adapted.notes];
  if (layers.some((l) => l.mediaType === GADGET_WASM))
    notes.push('its WASM module is not run: what that would add to the events or change in them is missing');
  return {
    name: image.reference,
    objects: [object],
    title: text(yaml.name) ?? annotations['org.opencontainers.image.title'],
    description: text(yaml.description) ?? annotations['org.opencontainers.image.description'],
    source: text(yaml.sourceURL) ?? annotations['org.opencontainers.image.source'],
    ...(attach.length > 0 && { attach }),
    ...(defaults.length > 0 && { params: defaults }),
    ...(notes.length > 0 && { notes }),
    platform: platformOf(image),
    created: image.created,
  };
}

async function readYaml(store: Store, image: StoredImage): Promise<GadgetYaml> {
  const bytes = await readLayer(store, image, image.manifest.config, 'gadget.yaml');
  try {
    const value: unknown = parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch (e) {
    if (e instanceof YAMLParseError)
      throw invalid(image, `its gadget.yaml is no YAML: ${e.message.split('\n', 1)[0]}`);
    throw e;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
