import { helperNames, parseSection, programKinds } from '@skep/bpf';
import { LineCounter, type Node, parseDocument, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { ProbeError } from '../errors.ts';
import type { CertifiedName, Policy, PolicyRule } from './types.ts';

const RULE_KEYS = {
  images: { wanted: 'names of images, where * stands for anything', pattern: /^\S{1,1000}$/ },
  signers: { wanted: 'names that stand under signers:', pattern: /^[\w.-]{1,100}$/ },
  digests: { wanted: 'sha256: and 64 hexadecimal digits each', pattern: /^sha256:[0-9a-f]{64}$/ },
  'program-types': { wanted: 'kinds of programs, as kprobe or tracepoint', pattern: /^[a-z][\w.]*$/ },
  helpers: { wanted: 'names of helpers, as bpf_ktime_get_ns', pattern: /^bpf_\w+$/ },
  'refuse-helpers': { wanted: 'names of helpers, as bpf_probe_write_user', pattern: /^bpf_\w+$/ },
} as const;
// The first and the last are no helpers.
const HELPERS = new Set(helperNames.slice(1, -1).map((name) => `bpf_${name}`));
const RULE_FLAGS = ['refuse', 'observe-only'] as const;

/**
 * Reads a policy file. A key that is not known is an error: one that is misspelled would guard nothing.
 *
 * @param file how messages call it
 * @throws {ProbeError} `SKEP_POLICY_FILE`, with file and line
 */
export function parsePolicy(text: string, file: string): Policy {
  return new Parser(text, file).policy();
}

class Parser {
  readonly #lines = new LineCounter();
  readonly #file: string;
  readonly #root: unknown;

  constructor(text: string, file: string) {
    this.#file = file;
    const options = { schema: 'failsafe', lineCounter: this.#lines, prettyErrors: false } as const;
    const document = parseDocument(text, options);
    const [problem] = [...document.errors, ...document.warnings];
    if (problem)
      throw this.#error(problem.pos[0], `it is not YAML there: ${problem.message.replace(/\.$/, '')}`);
    this.#root = document.contents;
  }

  policy(): Policy {
    const top = this.#entries(this.#root, ['signers', 'rules']);
    const signers = new Map<string, string | CertifiedName>();
    const signerLines = new Map<string, number>();
    if (top.signers !== undefined) {
      for (const { key, value } of this.#map(top.signers).items) {
        const name = scalar(key) ?? '';
        signers.set(name, this.#signer(key, value));
        signerLines.set(name, this.#line(start(key)));
      }
    }
    if (!(top.rules instanceof YAMLSeq) || top.rules.items.length === 0)
      throw this.#error(start(top.rules), 'rules must be a list with something in it');
    const rules = top.rules.items.map((item) => this.#rule(item, signers));
    return { file: this.#file, signers, signerLines, rules };
  }

  #signer(key: unknown, value: unknown): string | CertifiedName {
    if (!(value instanceof YAMLMap)) {
      const said = scalar(value)?.trim();
      if (said) return said;
      throw this.#error(
        start(key),
        'a signer is a public key in PEM, the file that holds it, or identity, issuer and trusted-root',
      );
    }
    const said = this.#entries(value, ['identity', 'issuer', 'trusted-root']);
    const text = (name: string): string => {
      const found = scalar(said[name])?.trim();
      if (found) return found;
      throw this.#error(start(value), `a signer with certificates needs ${name}`);
    };
    return { identity: text('identity'), issuer: text('issuer'), trustedRoot: text('trusted-root') };
  }

  #rule(item: unknown, signers: ReadonlyMap<string, unknown>): PolicyRule {
    const said = this.#entries(item, [...Object.keys(RULE_KEYS), ...RULE_FLAGS]);
    const list = (key: keyof typeof RULE_KEYS) => this.#list(key, said[key]);
    const images = list('images');
    if (!images) throw this.#error(start(item), 'the rule does not say for which images it is');
    const named = list('signers');
    const unknown = named?.find((name) => !signers.has(name));
    if (unknown !== undefined)
      throw this.#error(start(said.signers), `the signer ${unknown} does not stand under signers:`);
    return {
      line: this.#line(start(item)),
      images,
      refuse: this.#flag('refuse', said.refuse),
      signers: named,
      digests: list('digests'),
      programTypes: this.#kinds(said['program-types']),
      helpers: this.#helpers('helpers', said.helpers),
      refuseHelpers: this.#helpers('refuse-helpers', said['refuse-helpers']),
      observeOnly: this.#flag('observe-only', said['observe-only']),
    };
  }

  #list(key: keyof typeof RULE_KEYS, node: unknown): string[] | undefined {
    if (node === undefined) return undefined;
    const { wanted, pattern } = RULE_KEYS[key];
    const texts = (node instanceof YAMLSeq ? node.items : [node]).map(scalar);
    if (texts.length > 0 && texts.every((t) => t !== undefined && pattern.test(t))) return texts as string[];
    throw this.#error(start(node), `${key} must be ${wanted}`);
  }

  /** Names that a kernel knows: one that is misspelled would be refused to nobody. */
  #helpers(key: 'helpers' | 'refuse-helpers', node: unknown): string[] | undefined {
    const names = this.#list(key, node);
    const unknown = names?.find((name) => !HELPERS.has(name));
    if (unknown === undefined) return names;
    throw this.#error(start(node), `${key} names ${unknown}, and no kernel has such a helper`);
  }

  /** Kinds of programs, as they are called or as their sections begin: `tp` is `tracepoint`. */
  #kinds(node: unknown): string[] | undefined {
    return this.#list('program-types', node)?.map((name) => {
      const kind = programKinds.has(name) ? name : parseSection(name).kind;
      if (programKinds.has(kind)) return kind;
      const known = [...programKinds].join(', ');
      throw this.#error(
        start(node),
        `program-types names ${name}, which is no kind of program; there are ${known}`,
      );
    });
  }

  #flag(key: string, node: unknown): boolean {
    const text = node === undefined ? 'false' : scalar(node);
    if (text === 'true' || text === 'false') return text === 'true';
    throw this.#error(start(node), `${key} must be true or false`);
  }

  #entries(node: unknown, known: readonly string[]): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    for (const { key, value } of this.#map(node).items) {
      const name = scalar(key) ?? '';
      if (!known.includes(name))
        throw this.#error(start(key), `"${name}" is no key here; the keys are ${known.join(', ')}`);
      found[name] = value;
    }
    return found;
  }

  #map(node: unknown): YAMLMap {
    if (node instanceof YAMLMap) return node;
    throw this.#error(start(node), 'there must be keys and values');
  }

  #line(at: number): number {
    return Math.max(this.#lines.linePos(at).line, 1);
  }

  #error(at: number, why: string): ProbeError {
    return unreadable(this.#file, this.#line(at), why);
  }
}

/** A policy in which something is not understood, or leads nowhere. */
export function unreadable(
  file: string,
  line: number,
  why: string,
  { hint = 'docs/trust.md says what may stand there.', cause }: { hint?: string; cause?: unknown } = {},
): ProbeError {
  const message = `The policy cannot be read, so nothing runs: ${file}:${line}: ${why}.`;
  return new ProbeError('SKEP_POLICY_FILE', message, { hint, cause });
}

function scalar(node: unknown): string | undefined {
  return node instanceof Scalar ? String(node.value ?? '') : undefined;
}

function start(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
