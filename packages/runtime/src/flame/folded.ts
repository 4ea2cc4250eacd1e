import type { Box, FlameTree } from './tree.ts';

/**
 * The tree as folded stacks, a line each: `nginx;main;ngx_worker;write_[k] 12`. Kernel functions end in `_[k]`, what a
 * runtime compiled in `_[j]`, as the tools that draw such lines expect.
 */
export function foldedText(tree: FlameTree): string {
  const lines: string[] = [];
  const walk = (box: Box, path: string): void => {
    if (box.self > 0 && path !== '') lines.push(`${path} ${box.self}`);
    for (const child of box.children.values())
      walk(child, path === '' ? word(child) : `${path};${word(child)}`);
  };
  walk(tree.root, '');
  return lines.length === 0 ? '' : `${lines.sort().join('\n')}\n`;
}

const SUFFIX: Partial<Record<Box['kind'], string>> = { kernel: '_[k]', jit: '_[j]' };

/** A semicolon or a line's end within a name would be read as another frame. */
function word({ name, kind }: Box): string {
  return name.replace(/[;\r\n]/g, ':') + (SUFFIX[kind] ?? '');
}
