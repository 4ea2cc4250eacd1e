import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An import in one of our sources: where it stands and what it names. */
export interface Import {
  file: string;
  names: string;
}

/** `import … from 'x'` and `export … from 'x'` at the start of a line, `import 'x'`, `import('x')`. */
const statements = [
  /^(?:import|export)\b[^'"`;()]*?\bfrom '([^'\n]+)'/gm,
  /^import '([^'\n]+)'/gm,
  /\bimport\('([^'\n]+)'\)/g,
];

/** Every static and dynamic import in the TypeScript under a folder. */
export function importsIn(root: string, folder: string): Import[] {
  return globSync(`${folder}/**/*.ts`, { cwd: root }).flatMap((file) => {
    const code = readFileSync(join(root, file), 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
    return statements.flatMap((s) => [...code.matchAll(s)].map((m) => ({ file, names: m[1] ?? '' })));
  });
}
