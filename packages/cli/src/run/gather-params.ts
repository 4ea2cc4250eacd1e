import type { ObjectDescription, Owner, ParamSetting, ProbeImage } from '@skep/probe';
import { usageError } from '../errors.ts';
import { note } from '../output/out.ts';
import type { RunFlags } from './flags.ts';

/** Those of run's flags that set parameters. */
type ParamFlags = Pick<RunFlags, 'set' | 'params' | Owner>;

type Settings = Record<string, ParamSetting>;

/** The flags of which each narrows to an owner of events. */
const owners: readonly Owner[] = ['pid', 'comm', 'cgroup', 'uid'];

const PREFIX = 'SKEP_SET_';

/**
 * What the parameters of all that runs are set to: by flags, else by the environment, else by the file of `--params`.
 * Each image's own ({@link imageParams}) count where none of these says anything.
 * The objects are read again only when more than `--set` says something.
 *
 * @param words what stands behind the program and is no flag of run's
 * @throws CliError, ProbeError for what names no parameter, or one twice; values are checked later, with their places
 */
export async function gatherParams(
  images: readonly ProbeImage[],
  flags: ParamFlags,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Settings> {
  const { set = {} } = flags;
  const asked = owners.filter((owner) => flags[owner]);
  const variables = Object.keys(env).filter((name) => name.startsWith(PREFIX));
  const others = [words, asked, variables].some((list) => list.length > 0);
  if (!others && flags.params === undefined) return set;
  const { describeObject } = await import('@skep/probe');
  const objects = images.flatMap((image) => image.objects.map((o) => describeObject(o.bytes, o.name)));
  return {
    ...(await ofFile(flags.params, objects)),
    ...ofEnvironment(variables, env, objects),
    ...(await ofFlags(flags, words, objects)),
  };
}

/** What an image itself sets its parameters to: counts where nobody says otherwise. */
export function imageParams(params: readonly string[] = []): Settings {
  return Object.fromEntries(
    params.map((text) => {
      const equals = text.indexOf('=');
      return [text.slice(0, equals), { value: text.slice(equals + 1), from: 'params of the image' }];
    }),
  );
}

async function ofFile(path: string | undefined, objects: readonly ObjectDescription[]): Promise<Settings> {
  if (path === undefined) return {};
  const { findParam, readParamsFile } = await import('@skep/probe');
  const { settings, places } = await readParamsFile(path);
  const params = objects.flatMap((o) => o.params);
  for (const name of Object.keys(settings)) findParam(params, name, places[name]);
  return settings;
}

/** `SKEP_SET_MIN_LATENCY`, or the name as it is. The environment may be for several probes: what fits none is noted. */
function ofEnvironment(
  variables: readonly string[],
  env: NodeJS.ProcessEnv,
  objects: readonly ObjectDescription[],
): Settings {
  const settings: Settings = {};
  const names = [...new Set(objects.flatMap((o) => o.params.map((p) => p.name)))];
  for (const variable of variables) {
    const wanted = variable.slice(PREFIX.length);
    const name = names.find((n) => n === wanted) ?? names.find((n) => n.toUpperCase() === wanted);
    if (name === undefined) note(`${variable} sets nothing: this probe has no such parameter`);
    else settings[name] = { value: env[variable]!, from: variable };
  }
  return settings;
}

async function ofFlags(
  flags: ParamFlags,
  words: readonly string[],
  objects: readonly ObjectDescription[],
): Promise<Settings> {
  const { ownerSettings } = await import('@skep/probe');
  const { set = {}, pid, comm, cgroup, uid } = flags;
  const ways: Settings[] = [set, ownerSettings(objects, { pid, comm, cgroup, uid })];
  if (words.length > 0) {
    const { readParamWords } = await import('./param-flags.ts');
    ways.push(
      readParamWords(
        words,
        objects.flatMap((o) => o.params),
      ),
    );
  }
  const settings: Settings = {};
  for (const [name, setting] of ways.flatMap((way) => Object.entries(way))) {
    const before = settings[name];
    if (before !== undefined)
      throw usageError(
        `"${name}" is set by ${flagIn(before)} and by ${flagIn(setting)}`,
        'Keep one of them.',
      );
    settings[name] = setting;
  }
  return settings;
}

function flagIn(setting: ParamSetting): string {
  return typeof setting === 'object' && 'from' in setting ? setting.from : '--set';
}
