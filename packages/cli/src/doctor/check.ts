import { explain } from '../errors.ts';

/** One thing that was looked at. */
export interface Check {
  area: string;
  name: string;
  /** Undefined: could not be found out. */
  ok: boolean | undefined;
  /** What it is good for, or what was found. */
  detail: string;
  /** The command, or what else would mend it; '' when there is nothing to mend. */
  mend: string;
  /** Without it no probe runs. */
  essential: boolean;
  /** The Linux version that brought it, of a feature of the kernel. */
  since?: string;
}

/** A check that passed or has nothing to be mended. */
export function found(area: string, name: string, detail: string): Check {
  return { area, name, ok: true, detail, mend: '', essential: false };
}

/** A check that failed. */
export function lacking(area: string, name: string, detail: string, mend: string): Check {
  return { area, name, ok: false, detail, mend, essential: false };
}

/** A check that is made by trying: what is thrown says what is missing and what would mend it. */
export async function tried(
  area: string,
  name: string,
  attempt: () => string | Promise<string>,
): Promise<Check> {
  try {
    return found(area, name, await attempt());
  } catch (e) {
    const { message, hint } = explain(e);
    return lacking(area, name, message, hint);
  }
}

/** Marks a check as one without which no probe runs. */
export function essential(check: Check): Check {
  return { ...check, essential: true };
}
