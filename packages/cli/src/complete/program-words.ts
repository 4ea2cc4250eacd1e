import type { ObjectDescription } from '@skep/probe';
import { fileOrImage, isFile, looksLikePath } from '../probe-source.ts';
import { flagOf, flagsOfRun } from '../run/param-flags.ts';
import type { Settings } from '../settings.ts';

/** What a probe adds to the words that `skep run` takes, each `WORD`, or `WORD<tab>MEANING`. */
export interface ProgramWords {
  /** Its parameters as flags. */
  flags: string[];
  /** Beginnings of what may follow a flag of run's, by the flag. */
  values: Readonly<Record<string, string[]>>;
}

/**
 * The words of a probe that is here: an object file or an image of the local store. A C file would have to be compiled,
 * and another image to be fetched, which takes longer than whoever pressed Tab waits.
 */
export async function programWords(program: string, settings: Settings): Promise<ProgramWords> {
  const objects = await describedObjects(program, settings);
  const params = [...new Map(objects.flatMap((o) => o.params).map((p) => [p.name, p])).values()];
  const taken = flagsOfRun();
  return {
    flags: params.flatMap((p) => {
      const flag = flagOf(p.name, taken);
      return flag === undefined ? [] : [meant(flag, p.help)];
    }),
    values: {
      '--set': params.map((p) => meant(`${p.name}=`, p.help)),
      '--hook': objects.flatMap((o) =>
        o.hooks.flatMap((g) =>
          [...g.rungs.map((r) => r.name), ...(g.optional ? ['none'] : [])].map((rung) => `${g.name}=${rung}`),
        ),
      ),
      '--attach': objects.flatMap((o) => o.programs.map((p) => meant(`${p.name}=`, p.section))),
    },
  };
}

async function describedObjects(program: string, settings: Settings): Promise<ObjectDescription[]> {
  if (program.endsWith('.c') || ((await isFile(program)) && !looksLikePath(program))) return [];
  const { describeObject } = await import('@skep/probe');
  try {
    const { image } = await fileOrImage(program, settings);
    return image.objects.map((o) => describeObject(o.bytes, o.name));
  } catch {
    // Not here, or no probe: `skep run` will say so. The words of run itself are offered all the same.
    return [];
  }
}

function meant(word: string, meaning: string | undefined): string {
  return meaning ? `${word}\t${meaning}` : word;
}
