/** What usually mends a refusal, by the verifier's words (Linux, kernel/bpf/verifier.c, 4.19 to 6.18). First match wins. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  // libbpf replaces what it could not relocate by a call of helper 0xbad2310.
  [
    /unknown#195896080|invalid CO-RE relocation/,
    'The kernel lacks a type or field that is used here: test it with bpf_core_field_exists() or bpf_core_type_exists() first.',
  ],
  [
    /invalid mem access '\w*_or_null'/,
    'The pointer may be NULL: compare it with NULL, and return, before it is used.',
  ],
  [
    /invalid mem access '(scalar|inv)'/,
    'A number is used as an address: read kernel memory with BPF_CORE_READ or bpf_probe_read_kernel(), memory of a process with bpf_probe_read_user(). A record is no longer yours after bpf_ringbuf_submit().',
  ],
  [
    /math between (\w+) pointer and/,
    'Bound the offset first: compare it with a constant or mask it ("offset &= 0xff") before it is added to the pointer.',
  ],
  [
    /invalid access to packet|offset is outside of the packet/,
    'Compare the end of what is read with data_end first: if ((void *)(header + 1) > data_end) return …',
  ],
  [
    /unbounded memory access|min value is negative|unbounded (min|max) value/,
    'The verifier sees no upper or lower bound: make the variable unsigned and check it against the size, or mask it ("i &= 63"), right before this line.',
  ],
  [
    /invalid access to map value, value_size=\d+ off=0 size=/,
    "The map's values are smaller than what is read or written here: give them the type that the program uses, in the map's __type(value, …). skep_add() adds to a __u64.",
  ],
  [
    /invalid access to map value|outside of the allowed memory range/,
    'The access may reach past the end of the value: check the index against the array\'s size ("i < 64", not "i <= 64") right before this line.',
  ],
  [
    /invalid (indirect )?(read|access) from stack|invalid indirect read/,
    "Part of this variable was never written, often padding between members: set it to zero first (struct key k = {};). Or it is smaller than the map's keys or values, which have a type of their own.",
  ],
  [
    /invalid variable-offset|invalid (write|unbounded-offset|write to) .*stack|stack of/,
    'The access leaves the variable on the stack: bound the index, or move the array into a map.',
  ],
  [
    /combined stack size|stack.*[Tt]oo large/,
    'A program and what it calls have 512 bytes of stack: move large variables into a per-CPU array map.',
  ],
  [
    /infinite loop detected|back-edge/,
    'The loop may never end: give it a constant bound (for (i = 0; i < 16; i++)), or use bpf_loop(). Kernels before 5.3 take no loop at all: #pragma unroll.',
  ],
  [
    /too large\. Processed|too many instructions|sequence of \d+ jumps is too complex|program is too large|processed 1000001/,
    'The verifier gave up following all paths: shorten loops, use bpf_loop() (5.17), or move parts into functions marked __noinline.',
  ],
  [
    /cannot use helper|unknown func|invalid func/,
    'Not every program type may call this helper, and older kernels lack some: "bpftool feature probe" lists them. Choose another hook or helper.',
  ],
  [
    /GPL[- ](only|restricted|compatible)|from (proprietary|non-GPL)/i,
    'This helper needs a GPL-compatible licence: char LICENSE[] SEC("license") = "GPL"; or "Dual BSD/GPL".',
  ],
  [
    /Unreleased reference|reference leak|would lead to/,
    'What was reserved or acquired here is not given back on every path: call bpf_ringbuf_submit() or bpf_ringbuf_discard() (or the matching release) before each return.',
  ],
  [
    /type=\w+ expected=/,
    'The helper wants another kind of pointer: what was reserved, looked up or declared as a map, not a copy of its address.',
  ],
  [
    /invalid bpf_context access|dereference of modified ctx|invalid access to context/,
    "This field of the context cannot be read, or not this way: read whole members at constant offsets, and compare with the hook's format under /sys/kernel/tracing/events.",
  ],
  [
    /write into map forbidden|cannot write into|only read is supported|write into \w+ forbidden/,
    'This memory is read-only: const globals are fixed at load, and kernel structs cannot be written; use a plain global or a map.',
  ],
  [
    /R0 !read_ok|At program exit the register R0|R0 is not a known value/,
    'The program must return a value that its hook allows on every path, most often 0.',
  ],
  [/!read_ok/, 'A variable is used before it was set, or after a call clobbered it: set it on every path.'],
  [
    /unreachable insn|last insn is not an exit|jump out of range/,
    'The code ends or branches where there is nothing: look for missing returns, and for functions that were declared but never defined.',
  ],
  [
    /^\S+ is not sleepable$/,
    'A program that may sleep (".s") goes only to functions that may: hooks of security modules (SEC("lsm.s/…")), and where the kernel has CONFIG_FUNCTION_ERROR_INJECTION what is made for that. Elsewhere leave the ".s" out.',
  ],
  [
    /might sleep|sleepable|in atomic context/,
    'This call may sleep and the hook may not: use a sleepable hook (SEC("fentry.s/…"), SEC("uprobe.s/…")) or another call.',
  ],
  [
    /misaligned/,
    'The address is not a multiple of the size: copy with bpf_probe_read_kernel() or __builtin_memcpy(), or do without packed.',
  ],
  [
    /calling kernel function .* is not allowed|kernel function .* not found|kfunc/,
    'This kernel does not offer that function to this program type: declare it __weak __ksym and test it with bpf_ksym_exists().',
  ],
  [
    /points to disabled hook/,
    'This kernel keeps programs off that hook of security modules: leave the program out, or hook another.',
  ],
  [
    /access beyond struct|cannot access ptr member|btf_id|not found in kernel BTF/i,
    'The struct is another one in this kernel: read it with BPF_CORE_READ() so that offsets follow the running kernel.',
  ],
];

/** What usually mends it, or undefined when nobody wrote it down yet. */
export function hintFor(reason: string): string | undefined {
  return HINTS.find(([pattern]) => pattern.test(reason))?.[1];
}
