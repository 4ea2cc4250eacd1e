import { mapTypes, programTypes } from '../kernel/types.ts';
import { native } from '../native.ts';
import { abilities, probeAbility } from './abilities.ts';
import { probeHelpers } from './helpers.ts';
import { hookKinds, probeHook } from './hooks.ts';
import { available, type FeatureResult, missing, unknown } from './result.ts';
import { hasKernelBtf } from './system.ts';
import {
  helperSince,
  hookSince,
  iteratorSince,
  kfuncSince,
  mapSince,
  programSince,
  type Since,
} from './tables.ts';
import { probeMapType, probeProgramType } from './types.ts';

/** Kinds of {@link KernelFeature}, in the order in which a person wants to know. */
export const featureGroups = [
  'Hooks',
  'Program types',
  'Map types',
  'Abilities',
  'Iterators',
  'Helpers',
  'Kernel functions',
] as const;

/** One of {@link featureGroups}. */
export type FeatureGroup = (typeof featureGroups)[number];

/** Something of the kernel that programs use and that some version brought. */
export interface KernelFeature {
  readonly group: FeatureGroup;
  readonly name: string;
  /** The Linux version that brought it, on this processor, such as `'5.8'`. It may still be configured off. */
  readonly since: string;
  /** The same on another processor. */
  readonly sinceOn: (architecture: 'x64' | 'arm64') => string;
  /** Tries it on the running kernel. */
  probe(): FeatureResult;
}

/** Every feature that skep knows the version of. Nothing is tried before {@link KernelFeature.probe} is called. */
export function kernelFeatures(): KernelFeature[] {
  return [
    ...hookKinds.map((kind) => feature('Hooks', kind, hookSince[kind], () => probeHook(kind))),
    ...programTypes
      .slice(1)
      .map((t) => feature('Program types', t, programSince[t] ?? '', () => probeProgramType(t))),
    ...mapTypes.slice(1).map((t) => feature('Map types', t, mapSince[t] ?? '', () => probeMapType(t))),
    ...Object.entries(abilities).map(([name, a]) =>
      feature('Abilities', name, a.since, (since) => probeAbility(name, since)),
    ),
    ...Object.entries(iteratorSince).map(([name, since]) =>
      feature('Iterators', name, since, () =>
        inTypes(`bpf_iter_${name}`, `this kernel does not iterate over ${name}`, since),
      ),
    ),
    ...helperFeatures(),
    ...Object.entries(kfuncSince).map(([name, since]) =>
      feature('Kernel functions', name, since, () => inTypes(name, `this kernel has no ${name}`, since)),
    ),
  ];
}

/** A type's helpers are asked for together, when the first one is. */
function helperFeatures(): KernelFeature[] {
  const asked = new Map<string, ReadonlySet<string> | undefined>();
  return Object.entries(helperSince).map(([name, [type, since]]) =>
    feature('Helpers', name, since, () => {
      if (!asked.has(type)) asked.set(type, probeHelpers(type));
      const there = asked.get(type);
      if (!there) return unknown(`this process may not load ${type} programs`, 'Run it with sudo.');
      if (there.has(name)) return available;
      return missing(`${type} programs may not call ${name}`, `Linux ${since} and later let them.`, since);
    }),
  );
}

function feature(
  group: FeatureGroup,
  name: string,
  version: Since,
  probe: (since: string) => FeatureResult,
): KernelFeature {
  const sinceOn = (architecture: 'x64' | 'arm64') =>
    typeof version === 'string' ? version : version[architecture === 'arm64' ? 1 : 0];
  const since = sinceOn(process.arch === 'arm64' ? 'arm64' : 'x64');
  return { group, name, since, sinceOn, probe: () => probe(since) };
}

/** What programs call or iterate over is a function in the kernel's types. */
function inTypes(name: string, reason: string, since: string): FeatureResult {
  const KIND_FUNC = 12;
  if (!hasKernelBtf())
    return missing('the kernel does not tell its types', 'It needs CONFIG_DEBUG_INFO_BTF.');
  if (native().kernelTypeId(name, KIND_FUNC) > 0) return available;
  return missing(reason, `Linux ${since} and later have it, if configured.`, since);
}
