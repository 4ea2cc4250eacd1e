import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { TemporaryFolder } from '../temporary.ts';

/**
 * A temporary folder in which the compiler runs and where every input has the same relative name on every machine:
 * `src/` is the source's folder, `skep/` our headers, `inc0/` … the folders of `-I` flags, all of them symbolic links.
 *
 * It is what makes builds reproducible. BTF carries file names and source lines; `-ffile-prefix-map` would make the
 * names equal, but then clang cannot read the lines any more (it opens the mapped name), and `-gembed-source` loses
 * them for a header that begins with a macro (clang 14). Names that are equal and exist need neither.
 */
export class Sandbox implements Disposable {
  readonly #folder = new TemporaryFolder('skep-build-');
  readonly dir = this.#folder.path;
  readonly #shown = new Map<string, string>();
  readonly #targets = new Map<string, string>();
  readonly #included = new Set<string>();

  /** Links `name` to a folder; `shown` is how messages should call it. */
  link(name: string, target: string, shown = target): string {
    symlinkSync(resolve(target), join(this.dir, name));
    this.#targets.set(name, resolve(target));
    this.#shown.set(name, shown);
    return name;
  }

  /** Makes a folder `folder` with one file in it, linked to `target`. */
  linkFile(folder: string, file: string, target: string): string {
    mkdirSync(join(this.dir, folder));
    symlinkSync(resolve(target), join(this.dir, folder, file));
    this.#shown.set(`${folder}/${file}`, target);
    this.#targets.set(`${folder}/${file}`, resolve(target));
    return folder;
  }

  /** The flags with the folders of `-I`, `-isystem`, `-iquote` and `-idirafter` linked, relative ones taken from `cwd`. */
  adoptFlags(flags: readonly string[], cwd: string): string[] {
    const out: string[] = [];
    let count = 0;
    for (let i = 0; i < flags.length; i++) {
      const match = /^(-I|-isystem|-iquote|-idirafter|-include)(.*)$/s.exec(flags[i]!);
      const path = match && (match[2] || flags[++i]);
      if (!match || !path) out.push(flags[i] ?? match![1]!);
      else if (match[1] === '-include') out.push('-include', this.#include(path, cwd));
      else out.push(match[1]!, this.link(`inc${count++}`, resolve(cwd, path), path));
    }
    return out;
  }

  /** A file of the working directory, or else one that the compiler looks for. */
  #include(path: string, cwd: string): string {
    const file = resolve(cwd, path);
    if (!existsSync(file)) return path;
    this.#included.add(dirname(file));
    return file;
  }

  /** All that the compiler is told to read: files and folders with absolute paths. */
  get inputs(): string[] {
    return [...new Set([...this.#targets.values(), ...this.#included])];
  }

  /** The compiler's messages with the paths as the user knows them. */
  show(diagnostics: string): string {
    return diagnostics.replace(
      /^((?:\x1b\[[0-9;]*[mK])*(?:In file included from |\s+from )?)((\w+)\/(?:\w+(?:\.h)?)?)/gm,
      (whole, lead: string, path: string, folder: string) => {
        const file = this.#shown.get(path);
        if (file !== undefined) return lead + file;
        const shown = this.#shown.get(folder);
        if (shown === undefined) return whole;
        return lead + (shown === '.' ? '' : `${shown.replace(/\/$/, '')}/`) + path.slice(folder.length + 1);
      },
    );
  }

  /** Where the files lie that a rule of make names as its prerequisites, which is what the compiler writes. */
  filesRead(rule: string): string[] {
    const words =
      rule
        .replace(/^[^:]*:/, '')
        .replaceAll('\\\n', ' ')
        .match(/(?:\\[\s\S]|[^\s\\])+/g) ?? [];
    return words.map((word) => {
      const path = word.replace(/\\(.)/g, '$1').replaceAll('$$', '$');
      const prefix = [...this.#targets.keys()].find((p) => path === p || path.startsWith(`${p}/`));
      return prefix === undefined
        ? resolve(this.dir, path)
        : resolve(this.#targets.get(prefix)! + path.slice(prefix.length));
    });
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
