import type { Platform } from '@skep/oci';
import { describeObject } from '../describe/describe.ts';
import type { MapDescription, ObjectDescription, ParamDescription } from '../describe/types.ts';
import { type KernelNeeds, kernelNeeds } from './needs.ts';
import type { ProbeImage } from './types.ts';

/** The config document of an image, for one platform: docs/schema/image-config.schema.json is its schema. */
export interface ImageConfig {
  schemaVersion: 1;
  name: string;
  version?: string;
  description?: string;
  authors?: string;
  license?: string;
  source?: string;
  created?: string;
  os: string;
  architecture: string;
  /** The version of skep.h that the sources were compiled with. */
  skepHeader?: string;
  /** What the kernel must have. */
  requires: KernelNeeds;
  objects: ObjectConfig[];
  attach?: string[];
  defaults?: string[];
  show?: string[];
}

/** An object as the config tells of it; absent means no, none, nothing. */
export interface ObjectConfig {
  /** The title of its layer. */
  name: string;
  digest: string;
  license?: string;
  programs: object[];
  hooks?: object[];
  maps?: object[];
  parameters?: object[];
}

/**
 * What the config of an image says.
 *
 * @param digests of the objects, in their order
 */
export function configOf(
  img: ProbeImage,
  platform: Platform,
  digests: readonly string[],
  created: string | undefined,
): ImageConfig {
  const { attach, params, show } = img;
  return {
    schemaVersion: 1,
    name: img.title ?? img.objects[0]!.name.replace(/\.o$/, ''),
    ...said({
      version: img.version,
      description: img.description,
      authors: img.authors,
      license: img.licenses,
      source: img.source,
      created,
    }),
    os: platform.os,
    architecture: platform.architecture,
    ...said({ skepHeader: img.skepHeader }),
    requires: kernelNeeds(img.objects, platform.architecture),
    objects: img.objects.map(({ name, bytes }, i) => ({
      name,
      digest: digests[i]!,
      ...objectConfig(describeObject(bytes, name)),
    })),
    ...(attach?.length ? { attach: [...attach] } : {}),
    ...(params?.length ? { defaults: [...params] } : {}),
    ...(show?.length ? { show: [...show] } : {}),
  };
}

function objectConfig(o: ObjectDescription): Omit<ObjectConfig, 'name' | 'digest'> {
  return {
    ...said({ license: o.license }),
    programs: o.programs.map(({ name, section, type, target, optional, autoload, help }) => ({
      name,
      section,
      type,
      ...said({ target, help }),
      ...(optional && { optional }),
      ...(autoload ? {} : { autoload }),
    })),
    ...list(
      'hooks',
      o.hooks.map((g) => ({
        group: g.name,
        ...said({ without: g.without }),
        ...(g.optional && { optional: true }),
        rungs: g.rungs.map((r) => ({ name: r.name, programs: [...r.programs] })),
      })),
    ),
    ...list('maps', o.maps.map(mapConfig)),
    ...list('parameters', o.params.map(paramConfig)),
  };
}

function mapConfig(m: MapDescription): object {
  return {
    name: m.name,
    type: m.type,
    ...said({ key: m.keyType, value: m.valueType }),
    ...(m.maxEntries > 0 && { entries: m.maxEntries }),
    ...said({ output: m.output?.kind, unit: m.unit, help: m.help }),
    ...(m.shared && { shared: true }),
  };
}

function paramConfig(p: ParamDescription): object {
  return {
    name: p.name,
    type: p.type,
    ...said({ default: p.defaultText, range: p.range, unit: p.unit, help: p.help }),
    ...(p.list && { list: true }),
  };
}

/** Without what is empty. */
function said<T extends Record<string, string | undefined>>(texts: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text)) as { [K in keyof T]?: string };
}

function list<K extends string>(name: K, items: object[]): { [N in K]?: object[] } {
  return (items.length > 0 ? { [name]: items } : {}) as { [N in K]?: object[] };
}
