import { stripVTControlCharacters } from 'node:util';

/** What mends an error: what its own line must say, and the next step for it. */
type Hint = readonly [RegExp, (found: RegExpExecArray, messages: string) => string | undefined];

const SKEP_FILTER = /^skep_(?:\w+_)?watched$/;
const C_LIBRARY = /^(?:f?printf|sn?printf|puts|malloc|calloc|free|exit|str\w+)$/;
const NO_C_LIBRARY =
  'A program for the kernel has no C library: leave out its headers and functions. memcpy, memset and memcmp are built in, bpf_printk() prints.';

function undeclared(name: string): string {
  return `No header has ${name}(): it may be misspelt, or newer than libbpf's headers here. A function of the kernel's is declared by hand: extern … ${name}(…) __ksym;`;
}

/** In this order: the first that fits the first error. */
const HINTS: readonly Hint[] = [
  [/'gnu\/stubs-32\.h' file not found/, () => NO_C_LIBRARY],
  [
    /^\/usr\/include\/(?:[^/]+-linux-gnu\/)?(?:linux|asm|asm-generic)\/.*redefinition/,
    (_, messages) =>
      messages.includes('previous definition is here')
        ? 'vmlinux.h, which skep.h brings, has the types of <linux/…> already: leave those headers out, and #define what you need of their macros. Or do without vmlinux.h and skep.h: then include <linux/bpf.h> first.'
        : undefined,
  ],
  [
    /error: (?:typedef )?redefinition of (?:enumerator )?'(\w+)'/,
    ([, name], messages) =>
      /vmlinux[^\n]*: note: previous definition is here/.test(messages)
        ? `The kernel's own types (vmlinux.h) have a "${name}" already: call yours something else.`
        : undefined,
  ],
  [
    /undeclared identifier '(?:__(\w+)_perf|(\w+)_lost)'/,
    ([, stream, map]) =>
      stream === undefined
        ? `What counts losses in ${map}_lost is for maps that skep.h's own macros declare: SKEP_HASH(${map}, …), SKEP_RINGBUF and the like.`
        : `skep_begin() and skep_send() are for streams that SKEP_EVENTS declares; of a SKEP_RINGBUF take skep_reserve(${stream}, struct …) and skep_submit().`,
  ],
  [
    /undeclared identifier '([A-Z][A-Z0-9_]+)'/,
    ([, name]) =>
      `If ${name} is a macro of the kernel's, #define it yourself: vmlinux.h has the kernel's types and enums, no macros.`,
  ],
  [
    /incomplete (?:definition of )?type '(struct \w+|union \w+)'/,
    ([, type]) =>
      `Neither the source nor the kernel's types (vmlinux.h) say what ${type} is: it may be misspelt, or of a module or another kernel; --vmlinux FILE brings another's types.`,
  ],
  [
    /bpf_helper_defs\.h:.* unknown type name/,
    () =>
      'Include "skep.h" alone; or "vmlinux.h", or <linux/bpf.h>, before libbpf\'s headers, which need its types.',
  ],
  [
    /(?:implicit declaration of|implicitly declaring|call to undeclared) (?:library )?function '(\w+)'/,
    ([, name]) => {
      if (SKEP_FILTER.test(name!)) return `#include "skep_filter.h", behind skep.h, has ${name}().`;
      if (C_LIBRARY.test(name!)) return NO_C_LIBRARY;
      return undeclared(name!);
    },
  ],
  [/undeclared identifier '(bpf_\w+)'/, ([, name]) => undeclared(name!)],
  [
    /BPF stack limit/,
    () =>
      'Build what is large in the stream itself (skep_begin, skep_reserve), or in a map: a SKEP_PERCPU_ARRAY of one entry.',
  ],
  [
    /fatal error: '([^']+)' file not found/,
    ([, file]) => `Where ${file} lies says --cflags -IFOLDER; beside the source it is found by itself.`,
  ],
];

/** The next step that an author is likely to need, by the first error of the compiler's; undefined where none is known. */
export function compileHint(messages: string): string | undefined {
  const plain = stripVTControlCharacters(messages);
  const first = plain.split('\n').find((line) => /\berror: /.test(line));
  if (first === undefined) return undefined;
  for (const [pattern, hint] of HINTS) {
    const found = pattern.exec(first);
    const said = found && hint(found, plain);
    if (said) return said;
  }
  return undefined;
}
