import type { ObjectDescription } from '../describe/types.ts';
import { ProbeError } from '../errors.ts';
import type { ParamSetting } from './setting.ts';

/** What a probe can be narrowed by, each a flag of `skep run` that may be repeated. */
export const OWNERS = ['pid', 'comm', 'cgroup', 'uid'] as const;

/** One of {@link OWNERS}. */
export type Owner = (typeof OWNERS)[number];

/**
 * What flags that narrow to owners of events set: in every object the parameter that is tagged for it.
 *
 * ```ts
 * ownerSettings(objects, { pid: ['1', '2'] }); // { target_pid: { value: ['1', '2'], from: '--pid' } }
 * ```
 *
 * @throws {ProbeError} `SKEP_PARAM_UNKNOWN` when an object has none: its events have no such owner, and would all be shown
 */
export function ownerSettings(
  objects: readonly ObjectDescription[],
  asked: Partial<Record<Owner, readonly string[]>>,
): Record<string, ParamSetting> {
  const settings: Record<string, ParamSetting> = {};
  for (const owner of OWNERS) {
    const values = asked[owner];
    if (values === undefined) continue;
    for (const object of objects) {
      const param = object.params.find((p) => p.owner === owner);
      if (!param) throw noOwner(object, objects.length > 1, owner);
      const one = param.list ? values : values.length === 1 ? values[0]! : undefined;
      if (one === undefined) {
        throw new ProbeError('SKEP_PARAM_INVALID', `--${owner} is given ${values.length} times.`, {
          hint: `The parameter "${param.name}" of ${object.name} takes one value.`,
        });
      }
      settings[param.name] = { value: one, from: `--${owner}` };
    }
  }
  return settings;
}

function noOwner(object: ObjectDescription, several: boolean, owner: Owner): ProbeError {
  const offered = object.params.flatMap((p) => (p.owner === undefined ? [] : `--${p.owner}`));
  const others = object.params.filter((p) => p.owner === undefined).map((p) => p.name);
  const hint =
    offered.length > 0
      ? `It can be narrowed by ${offered.join(', ')}.`
      : `It does not say to whom its events belong (skep_filter.h does); ${
          others.length > 0 ? `its parameters are ${others.join(', ')}` : 'it has no parameters'
        }.`;
  const whose = several ? `${object.name} of this probe` : 'This probe';
  return new ProbeError('SKEP_PARAM_UNKNOWN', `${whose} cannot be narrowed by --${owner}.`, { hint });
}
