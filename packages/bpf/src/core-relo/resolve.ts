import type { Btf } from '../btf/btf.ts';
import { type Access, readAccess, spellAccess } from './access.ts';
import { sameKind } from './compatible.ts';
import { matchAccess } from './match.ts';
import { essentialName } from './names.ts';
import type { CoreRelocation } from './records.ts';
import { type Answer, answer, sizeMayChange, TOO_WIDE } from './value.ts';

/** What becomes of a relocation on a kernel. */
export type Resolution = {
  readonly relocation: CoreRelocation;
  /** What is asked for, as C writes it: `struct task_struct.real_parent`. */
  readonly subject: string;
  /** False when the kernel has no type of that name at all: a module may bring one. */
  readonly known: boolean;
} & (
  | {
      /** The instruction gets a value. */
      readonly state: 'value';
      readonly value: bigint;
      /** What the compiler put there by the object's own types; undefined when it need not be so. */
      readonly expected: bigint | undefined;
      /** Bytes of a field that is read or written by the instruction itself, there and here; equal when it stays. */
      readonly size: number;
      readonly localSize: number;
      /** The sizes differ and the instruction cannot be changed to fit: it becomes invalid. */
      readonly misfit: boolean;
    }
  /** The instruction becomes invalid; the verifier minds if it gets there. */
  | { readonly state: 'absent'; readonly reason: string }
  /** libbpf gives up on the whole object. */
  | { readonly state: 'error'; readonly reason: string }
);

/**
 * Answers CO-RE relocations as libbpf does (relo_core.c), without loading anything. One resolver for one object and
 * one kernel: types of a name are looked for once.
 *
 * ```ts
 * const resolver = new CoreResolver(btfOfObject, Btf.parse(readFileSync('vmlinux-5.10')));
 * for (const r of coreRelocations(elf, btfOfObject)) resolver.resolve(r);
 * ```
 */
export class CoreResolver {
  readonly #local: Btf;
  readonly #targets: readonly Btf[];
  readonly #candidates = new Map<string, { btf: Btf; id: number }[]>();
  readonly #answers = new Map<string, Resolution>();

  /** `modules` are asked for what the kernel proper does not know, as the loaded ones are. */
  constructor(local: Btf, kernel: Btf, modules: readonly Btf[] = []) {
    this.#local = local;
    this.#targets = [kernel, ...modules];
  }

  /** @throws {BpfError} `SKEP_BTF_INVALID` when the relocation or a type is damaged */
  resolve(relocation: CoreRelocation): Resolution {
    // An object of many programs asks the same of each of them.
    const question = `${relocation.kind} ${relocation.typeId} ${relocation.access}`;
    const known = this.#answers.get(question) ?? this.#answered(relocation);
    this.#answers.set(question, known);
    return { ...known, relocation };
  }

  #answered(relocation: CoreRelocation): Resolution {
    const local = readAccess(this.#local, relocation);
    const subject = spellAccess(local);
    const { kind } = relocation;
    const expected = answer(kind, local);
    const about = { relocation, subject, known: true };
    if (expected === TOO_WIDE || expected === undefined)
      return { ...about, state: 'error', reason: `${subject} cannot be read as one number` };
    if (kind === 'type_id_local') return { ...about, ...answered(expected, expected, false) };
    const name = this.#local.type(relocation.typeId).name;
    if (name === '')
      return { ...about, state: 'error', reason: 'a type without a name cannot be looked for' };
    const known = this.#named(relocation.typeId).length > 0;
    return this.#decide({ ...about, known }, local, expected, this.matches(relocation));
  }

  /** What a relocation matches in the kernel's types, as a rule one access; empty when it has none. */
  matches(relocation: CoreRelocation): Access[] {
    const local = readAccess(this.#local, relocation);
    if (this.#local.type(relocation.typeId).name === '') return [];
    return this.#named(relocation.typeId).flatMap(
      ({ btf, id }) => matchAccess(local, relocation.kind, btf, id) ?? [],
    );
  }

  #decide(
    about: Pick<Resolution, 'relocation' | 'subject' | 'known'>,
    local: Access,
    expected: Answer,
    matches: readonly Access[],
  ): Resolution {
    const { kind } = about.relocation;
    const { subject } = about;
    const found = matches.length > 0 ? matches : [undefined];
    const results = found.map((access): Resolution => {
      const got = answer(kind, access);
      if (got === TOO_WIDE)
        return { ...about, state: 'error', reason: `${subject} is a bit field too wide to read` };
      if (got === undefined) return { ...about, state: 'absent', reason: this.#absence(about, local) };
      const misfit =
        expected.size !== got.size && !sizeMayChange(this.#local, expected.type, access!.btf, got.type);
      return { ...about, ...answered(got, expected, misfit) };
    });
    const [first, ...others] = results as [Resolution, ...Resolution[]];
    const broken = results.find((r) => r.state === 'error');
    if (broken) return broken;
    const differs = others.some(
      (r, i) =>
        r.state !== first.state ||
        (r.state === 'value' && first.state === 'value' && r.value !== first.value) ||
        matches[i + 1]!.bitOffset !== matches[0]!.bitOffset,
    );
    if (differs)
      return { ...about, state: 'error', reason: `${subject} is found in several types that disagree` };
    return first;
  }

  #absence({ known, relocation }: Pick<Resolution, 'known' | 'relocation'>, local: Access): string {
    const type = this.#local.nameOf(relocation.typeId);
    const bare = type.replace(/___[A-Za-z0-9_]*$/, '');
    if (!known) return `the kernel has no ${bare}`;
    const names = local.steps.flatMap((s) => (s.name === undefined ? [] : [s.name]));
    if (relocation.kind === 'enumval_value') return `the kernel's ${bare} has no ${names[0]}`;
    return `the kernel's ${bare} has no ${names.join('.') || 'such element'} of that type`;
  }

  #named(typeId: number): { btf: Btf; id: number }[] {
    const wanted = this.#local.type(typeId);
    const name = essentialName(wanted.name);
    const key = `${wanted.kind} ${name}`;
    let found = this.#candidates.get(key);
    if (found) return found;
    found = [];
    const [kernel, ...modules] = this.#targets;
    const own = (btf: Btf, from: number): { btf: Btf; id: number }[] =>
      btf
        .flavours(name)
        .filter((id) => id >= from && sameKind(wanted, btf.type(id)))
        .map((id) => ({ btf, id }));
    found = own(kernel!, 1);
    // A module's types are those after the kernel's own.
    if (found.length === 0) found = modules.flatMap((btf) => own(btf, kernel!.count));
    this.#candidates.set(key, found);
    return found;
  }
}

function answered(got: Answer, expected: Answer, misfit: boolean) {
  return {
    state: 'value',
    value: got.value,
    expected: expected.exact ? expected.value : undefined,
    size: got.size,
    localSize: expected.size,
    misfit,
  } as const;
}
