/**
 * Collects the source of one generated function: constants by reference, helper functions by name.
 *
 * Nothing that comes from BTF enters the source except numbers that were checked and strings through
 * {@link quote}; everything else is a constant passed from outside.
 */
export class Source {
  readonly #constants: unknown[] = [];
  readonly #names = new Map<unknown, string>();
  readonly #helpers: string[] = [];

  /** The name by which the source sees a value from outside. */
  constant(value: unknown): string {
    let name = this.#names.get(value);
    if (name === undefined) {
      name = `k${this.#constants.length}`;
      this.#constants.push(value);
      this.#names.set(value, name);
    }
    return name;
  }

  /** Adds a function of its own beside the main one and returns its name. */
  helper(parameters: string, body: string): string {
    const name = `h${this.#helpers.length}`;
    this.#helpers.push(`function ${name}(${parameters}){${body}}`);
    return name;
  }

  /** Makes `function (parameters) { body }`. */
  compile<F>(parameters: string, body: string): F {
    const names = this.#constants.map((_, i) => `k${i}`);
    const text = `"use strict";${this.#helpers.join('\n')}\nreturn function(${parameters}){${body}};`;
    return new Function(...names, text)(...this.#constants) as F;
  }
}

/** A string literal. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** `base + offset`, shorter where the offset is 0. */
export function plus(base: string, offset: number): string {
  return offset === 0 ? base : `${base}+${offset}`;
}
