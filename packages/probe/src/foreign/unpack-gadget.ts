import type { Store, StoredImage } from '@skep/oci';
import { parseDocument } from 'yaml';
import { describeObject } from '../describe/describe.ts';
import { GADGET_CONFIG, GADGET_OBJECT, GADGET_WASM } from '../image/layout.ts';
import { checkedObject, invalid, platformOf, readLayer, readObject } from '../image/read-layers.ts';
import type { ProbeImage } from '../image/types.ts';
import { adaptGadget } from './gadget-object.ts';

const DISABLED = 'gadget_program_disabled';

/** What of gadget.yaml is used: https://inspektor-gadget.io/docs/latest/gadget-devel/metadata */
interface GadgetYaml {
  /** Also written `dataSources`. */
  datasources: Record<string, Entry>;
  name?: unknown;
  description?: unknown;
  sourceURL?: unknown;
  params: { ebpf: Record<string, Entry> };
  programs: Record<string, Entry>;
}

type Entry = Record<string, unknown>;

/** Reads an image of Inspektor Gadget: its one object, in our words. What a WASM module would do is left out, and said. */
export async function unpackGadget(store: Store, image: StoredImage): Promise<ProbeImage> {
  const { config, layers, annotations = {} } = image.manifest;
  const layer = layers.find((l) => l.mediaType === GADGET_OBJECT);
  if (!layer) throw invalid(image, 'it is a gadget without a BPF program');
  const { bytes } = await readObject(store, image, layer, 'program.o');
  const yaml = config.mediaType === GADGET_CONFIG ? await readYaml(store, image) : tidied({});
  const disabled = Object.entries(yaml.programs).filter(([, p]) => p.attach_to === DISABLED);
  const help = Object.entries(yaml.params.ebpf).flatMap(([name, { description }]) => {
    const said = text(description)?.replace(/\s+/g, ' ').trim();
    return said ? [[name, said] as const] : [];
  });
  const keys = Object.entries(yaml.params.ebpf).flatMap(([name, { key }]) => {
    const called = text(key);
    return called ? [[name, called] as const] : [];
  });
  const adapted = adaptGadget(bytes, 'program.o', {
    disabled: new Set(disabled.map(([program]) => program)),
    help: new Map(help),
    keys: new Map(keys),
    units: unitsOf(yaml),
  });
  const object = checkedObject(image, 'program.o', adapted.bytes);
  const { programs, params } = describeObject(object.bytes, object.name);
  const attach = programs.flatMap(({ name, section, type }) => {
    // Of a perf event, what is behind the slash is what gadget.yaml calls it.
    const called = type === 'perf_event' ? (section.split('/')[1] ?? name) : name;
    const { attach_to: target, sampler } =
      (Object.hasOwn(yaml.programs, called) && yaml.programs[called]) || {};
    const frequency = isMap(sampler) ? text(sampler.frequency) : undefined;
    if (type === 'perf_event') return frequency ? [`${name}=${frequency}hz`] : [];
    return text(target) && target !== DISABLED ? [`${name}=${target}`] : [];
  });
  const said = new Set(attach.map((a) => a.split('=', 1)[0]));
  attach.push(...adapted.attach.filter((a) => !said.has(a.split('=', 1)[0])));
  const defaults = Object.entries(yaml.params.ebpf).flatMap(([theirs, { defaultValue }]) => {
    const name = adapted.params.get(theirs) ?? theirs;
    const value = text(defaultValue);
    return value && value !== 'null' && params.some((p) => p.name === name) ? [`${name}=${value}`] : [];
  });
  const notes = [...adapted.notes];
  const left = programs.filter((p) => !p.autoload && !attach.some((a) => a.startsWith(`${p.name}=`)));
  if (left.length > 0)
    notes.push(
      `it leaves ${left.map((p) => p.name).join(', ')} out unless its WASM module says where: --attach can say it`,
    );
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
  // Texts as they stand there: a number of 64 bits is more than JavaScript's hold, and 0x10 a way to write one.
  const document = parseDocument(Buffer.from(bytes).toString('utf8'), {
    schema: 'failsafe',
    logLevel: 'silent',
  });
  try {
    const [problem] = document.errors;
    if (problem) throw problem;
    const value: unknown = document.toJS();
    return tidied(isMap(value) ? value : {});
  } catch (e) {
    // An alias of nothing, or of more than can be meant, is found when it is followed.
    throw invalid(image, `its gadget.yaml is no YAML: ${(e as Error).message.split('\n', 1)[0]}`);
  }
}

/** Only maps where maps belong, so that nothing below has to ask. */
function tidied(yaml: Record<string, unknown>): GadgetYaml {
  const maps = (value: unknown): Record<string, Entry> =>
    Object.fromEntries(
      Object.entries(isMap(value) ? value : {}).filter((e): e is [string, Entry] => isMap(e[1])),
    );
  const { params } = yaml;
  return {
    ...yaml,
    datasources: maps(yaml.datasources ?? yaml.dataSources),
    programs: maps(yaml.programs),
    params: { ebpf: maps(isMap(params) ? params.ebpf : {}) },
  };
}

/** The unit of each data source of which one number has one. */
function unitsOf({ datasources }: GadgetYaml): Map<string, string> {
  const units = Object.entries(datasources).flatMap(([source, { fields }]) => {
    const said = Object.values(isMap(fields) ? fields : {}).flatMap((field) => {
      const { annotations } = isMap(field) ? field : {};
      return (isMap(annotations) && text(annotations['metrics.unit'])) || [];
    });
    // A micro sign, or the Greek letter.
    return said.length === 1 ? [[source, said[0]!.replace(/^[µμ]s$/, 'us')] as const] : [];
  });
  return new Map(units);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
