import { formatPlatform, imagesOf, type StoredImage } from '@skep/oci';
import {
  type HookGroup,
  kernelNeeds,
  layerKind,
  type MapDescription,
  type ObjectDescription,
  type ParamDescription,
  type ProbeImage,
} from '@skep/probe';
import { humanAge } from './output/age.ts';
import { humanSize } from './output/size.ts';
import { renderTable } from './output/table.ts';
import type { Data } from './output/template.ts';
import { visible } from './output/visible.ts';

/** What describe and inspect show, with the field names of their templates. */
export type Description = { [name: string]: Data; Objects: Data[] };

/** Everything known about an image, or about an object file (then without `stored`). */
export function describeProbe(
  name: string,
  image: ProbeImage,
  objects: readonly ObjectDescription[],
  stored?: StoredImage,
): Description {
  const size = stored?.size ?? image.objects.reduce((sum, o) => sum + o.bytes.length, 0);
  const created = stored?.created ?? image.created;
  return {
    Reference: stored?.reference ?? name,
    Digest: stored?.descriptor.digest ?? '',
    Size: size,
    Created: created?.toISOString() ?? '',
    Platform: image.platform ?? '',
    Platforms: platformsData(stored),
    Authors: image.authors ?? '',
    Description: image.description ?? '',
    Title: image.title ?? '',
    Version: image.version ?? '',
    Licenses: image.licenses ?? '',
    Source: image.source ?? '',
    Attach: [...(image.attach ?? [])],
    Defaults: [...(image.params ?? [])],
    Show: [...(image.show ?? [])],
    SkepHeader: image.skepHeader ?? '',
    Requires: requires(image),
    Layers: layersData(stored, image.objects.length > 0),
    Notes: [...(image.notes ?? [])],
    Objects: objects.map((o) => ({
      Name: o.name,
      License: o.license,
      Programs: o.programs.map((p) => ({
        Name: p.name,
        Section: p.section,
        Type: p.type,
        Target: p.target,
        Optional: p.optional,
        Help: p.help ?? '',
      })),
      Hooks: o.hooks.map(hookData),
      Maps: o.maps.map(mapData),
      Parameters: o.params.map(paramData),
    })),
  };
}

/** Of an image for several platforms, which they are and whether each is here. */
function platformsData(stored: StoredImage | undefined): Data[] {
  const { index, fetched = [] } = stored ?? {};
  return imagesOf(index ?? { schemaVersion: 2, manifests: [] }).map((m) => ({
    Platform: m.platform ? formatPlatform(m.platform) : '',
    Digest: m.digest,
    Here: fetched.includes(m.digest),
  }));
}

/** What a layer is to a probe; to a container, which bpfman's images look like too, it is none of that. */
function layersData(stored: StoredImage | undefined, isProbe: boolean): Data[] {
  return (stored?.manifest.layers ?? []).map((l) => ({
    Kind: (isProbe && layerKind(l)) || '',
    Title: l.annotations?.['org.opencontainers.image.title'] ?? '',
    MediaType: l.mediaType,
    Digest: l.digest,
    Size: l.size,
  }));
}

/** What the kernel must have, made from the objects: it is so whatever an image says. */
function requires(image: ProbeImage): Data {
  const { btf = false, features } = kernelNeeds(image.objects, image.platform?.split('/')[1] ?? '');
  return { BTF: btf, Features: features.map((f) => ({ Group: f.group, Name: f.name, Since: f.since })) };
}

function hookData(g: HookGroup): Data {
  return {
    Group: g.name,
    Optional: g.optional,
    Without: g.without ?? '',
    Twins: g.twins,
    Rungs: g.rungs.map((r) => ({ Name: r.name, Programs: [...r.programs] })),
  };
}

function mapData(m: MapDescription): Data {
  return {
    Name: m.name,
    Type: m.type,
    KeyType: m.keyType,
    ValueType: m.valueType,
    KeySize: m.keySize,
    ValueSize: m.valueSize,
    MaxEntries: m.maxEntries,
    Output: m.output?.kind ?? '',
    Unit: m.unit ?? '',
    Shared: m.shared,
    Help: m.help ?? '',
  };
}

function paramData(p: ParamDescription): Data {
  return {
    Name: p.name,
    Type: p.type,
    Default: p.defaultText,
    Takes: p.takes,
    Example: p.example,
    List: p.list !== undefined,
    Owner: p.owner ?? '',
    Help: p.help ?? '',
  };
}

/** The same as text for a person. @param said what is attested of the image, in words */
export function descriptionText(
  name: string,
  image: ProbeImage,
  objects: readonly ObjectDescription[],
  stored?: StoredImage,
  said = '',
): string {
  const about = describeProbe(name, image, objects, stored);
  const created = about.Created ? `${about.Created} (${humanAge(new Date(about.Created as string))})` : '';
  const head: [string, Data][] = [
    [stored ? 'Image' : 'File', about.Reference],
    ['Probe', [about.Title, about.Version].filter(Boolean).join(' ')],
    ['Description', about.Description],
    ['Authors', about.Authors],
    ['Source', [about.Source, about.Licenses].filter(Boolean).join(', ')],
    ['Attach', (image.attach ?? []).join(' ')],
    ['Show', (image.show ?? []).join(' ')],
    ['Digest', about.Digest],
    ['Size', humanSize(about.Size as number)],
    ['Created', created],
    ['Platform', platformsText(about)],
    ['Needs', needsText(image)],
    ['Also holds', extrasText(about)],
    ['Says', said],
    ...(image.notes ?? []).map((text): [string, Data] => ['Note', text]),
  ];
  const lines = head
    .filter(([, value]) => value !== '')
    .map(([label, v]) => `${`${label}:`.padEnd(13)}${v}\n`);
  return visible(lines.join('') + objects.map((o) => objectText(o, objects.length > 1)).join(''));
}

/** The one that is shown first, then the others. */
function platformsText(about: Description): string {
  const others = (about.Platforms as { Platform: string; Here: boolean }[]).filter(
    (p) => p.Platform !== about.Platform,
  );
  const also = others.map((p) => `${p.Platform}${p.Here ? '' : ' (not fetched)'}`);
  return [about.Platform, ...also].filter(Boolean).join(', ');
}

/** The kernel's types, and what is younger than the oldest kernel that skep is tested on. */
function needsText(image: ProbeImage): string {
  const { btf, features } = kernelNeeds(image.objects, image.platform?.split('/')[1] ?? '');
  const young = features.filter((f) => isAfter510(f.since)).map((f) => `${f.name} (Linux ${f.since})`);
  return [...(btf ? ['kernel types (BTF)'] : []), ...young].join(', ');
}

function isAfter510(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 5 || (major === 5 && minor > 10);
}

/** `README.md, dashboard.json, types of 5.4.0-150-generic`: layers that are not objects. */
function extrasText(about: Description): string {
  const layers = about.Layers as { Kind: string; Title: string }[];
  return layers
    .filter((l) => l.Kind !== 'object')
    .map((l) =>
      l.Title || l.Kind === ''
        ? `${l.Title || 'a layer without a title'}${l.Kind && ` (${l.Kind})`}`
        : l.Kind,
    )
    .join(', ');
}

function objectText(o: ObjectDescription, named: boolean): string {
  const blocks = [
    named ? `${o.name} (${o.license || 'no license'})\n` : `License:     ${o.license || 'none'}\n`,
    renderTable(
      ['PROGRAM', 'HOOK', 'TYPE'],
      o.programs.map((p) => [p.name, p.section, p.type]),
    ),
  ];
  if (o.hooks.length > 0) blocks.push(hooksTable(o));
  if (o.maps.length > 0) {
    blocks.push(
      renderTable(
        ['MAP', 'TYPE', 'KEY', 'VALUE', 'ENTRIES', 'SHOWN AS'],
        o.maps.map((m) => [m.name, m.type, m.keyType, m.valueType, entriesOf(m), shownAs(m)]),
      ),
    );
  }
  if (o.params.length > 0) blocks.push(parameterTable(o.params));
  return named ? `\n${blocks.join('\n')}` : blocks.join('\n');
}

/** Alternatives of hooks, best first. */
function hooksTable({ hooks }: ObjectDescription): string {
  return renderTable(
    ['HOOKS FOR', 'RUNG', 'PROGRAMS', ''],
    hooks.flatMap((g) =>
      g.rungs.map((r, i) => [
        i === 0 ? g.name : '',
        r.name,
        r.programs.join(', '),
        i === 0 ? aboutGroup(g) : '',
      ]),
    ),
  );
}

function aboutGroup(g: HookGroup): string {
  if (g.optional) return g.without ? `optional; without it: ${g.without}` : 'optional';
  return g.twins ? 'twins' : '';
}

/** The parameters of a probe, as `describe` shows them. */
function parameterTable(params: readonly ParamDescription[]): string {
  return renderTable(
    ['PARAMETER', 'TYPE', 'DEFAULT', 'HELP'],
    params.map((p) => [p.name, p.type, p.defaultText, p.help ?? '']),
  );
}

function entriesOf(m: MapDescription): string {
  return m.type === 'ringbuf' ? humanSize(m.maxEntries) : String(m.maxEntries);
}

function shownAs(m: MapDescription): string {
  if (!m.output) return '';
  return [m.output.kind, m.unit && `in ${m.unit}`, m.help && `(${m.help})`].filter(Boolean).join(' ');
}
