import { type BpfError, BpfObject } from '@skep/bpf';
import { describeObject, type ParamDescription, parseParam, type Targets } from '@skep/probe';
import { listed, RuntimeError } from '../errors.ts';
import { tagsOf } from '../streams/tags.ts';
import { pointPrograms } from './targets.ts';

/** An object of the run, opened and configured but not yet loaded. */
export interface Opened {
  readonly name: string;
  readonly bytes: Uint8Array;
  object: BpfObject;
  /** Where its programs go, as far as their sections do not say; see {@link planTargets}. */
  targets?: Targets;
}

/**
 * Opens every object and sets the parameters. Nothing reaches the kernel.
 *
 * @throws RuntimeError SKEP_NOTHING_TO_RUN, SKEP_PARAM_UNKNOWN; BpfError for bytes that are no object; ProbeError
 *   for a parameter's text
 */
export function openObjects(
  objects: readonly { name: string; bytes: Uint8Array }[],
  params: Readonly<Record<string, string>>,
): Opened[] {
  if (objects.length === 0)
    throw new RuntimeError(
      'SKEP_NOTHING_TO_RUN',
      'there is no object to run',
      'Name an image, an object file or a source file.',
    );
  const opened: Opened[] = [];
  try {
    for (const { name, bytes } of objects)
      opened.push({ name, bytes, object: BpfObject.open(bytes, { name }) });
    setParams(opened, params);
  } catch (error) {
    for (const { object } of opened) object.close();
    throw error;
  }
  return opened;
}

/** Opens the object again with the same parameters and targets, for another try to load it. */
export function reopen(opened: Opened, params: Readonly<Record<string, string>>): void {
  opened.object.close();
  opened.object = BpfObject.open(opened.bytes, { name: opened.name });
  const known = new Set(parametersOf(opened).map((p) => p.name));
  setParams([opened], Object.fromEntries(Object.entries(params).filter(([name]) => known.has(name))));
  pointPrograms(opened);
}

function setParams(opened: readonly Opened[], params: Readonly<Record<string, string>>): void {
  if (Object.keys(params).length === 0) return;
  const known = opened.map(parametersOf);
  for (const [name, text] of Object.entries(params)) {
    let found = false;
    known.forEach((parameters, i) => {
      const parameter = parameters.find((p) => p.name === name);
      if (!parameter) return;
      const { object } = opened[i]!;
      object.setGlobal(name, parseParam(parameter, object.btf, text));
      found = true;
    });
    if (found) continue;
    const names = [...new Set(known.flat().map((p) => p.name))];
    throw new RuntimeError(
      'SKEP_PARAM_UNKNOWN',
      `there is no parameter "${name}"`,
      names.length === 0 ? 'This probe has no parameters.' : `Parameters: ${listed(names)}.`,
    );
  }
}

function parametersOf({ name, bytes }: Opened): readonly ParamDescription[] {
  return describeObject(bytes, name).params;
}

/** Names of programs that may be left out where this kernel lacks their hook. */
export function optionalPrograms({ object }: Opened): string[] {
  return object.programs.filter((p) => tagsOf(object.btf, p.name, 'func').optional).map((p) => p.name);
}

/** What a {@link BpfError} is about and says, for a note. */
export function sentence(error: unknown): string {
  const { message, hint } = error as BpfError;
  return hint ? `${message}. ${hint}` : message;
}
