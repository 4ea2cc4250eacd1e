import type { InitChoices } from './choices.ts';
import { cComment } from './comment.ts';

/** The part of a generated probe that hands a row to user space: its map and the function `publish`. */
export interface Publish {
  /** Whether a gauge's or histogram's number is a member of the row (buffers) or the map's value (hash). */
  valueInRow: boolean;
  code: string;
}

// A power of two, as skep_slot() wants it: up to 2^32 us, 71 minutes.
const SLOTS = 32;

const PREFIX = {
  print: 'The name begins with print_: a row for each key.',
  counter: 'The name begins with counter_: its numbers are counters, the members of its keys their labels.',
} as const;

/** The map and `publish` for one choice; `row` is the struct, `name` the map. */
export function publishCode(choices: InitChoices, row: string, name: string, help: string): Publish {
  const measured = choices.output === 'gauge' || choices.output === 'hist';
  const tags = `\n\t${measured ? 'SKEP_UNIT("us") ' : ''}SKEP_HELP("${help}")`;
  const signature = `static __always_inline void publish(void *ctx, struct ${row} *row${measured ? ', __u64 us' : ''})`;
  const setValue = measured ? '\n\trow->took = us;' : '';
  switch (choices.map) {
    case 'RingBuffer':
      return {
        valueInRow: measured,
        code: `
${cComment(`${comment(choices)} 256 KiB; a record that finds it full is counted as lost, and the loss is shown.`)}
SKEP_EVENTS(${name}, struct ${row}, 256 * 1024)${tags};

${signature}
{
	struct ${row} *record = skep_begin(${name});

	if (!record)
		return;${setValue}
	*record = *row;
	skep_send(ctx, ${name}, record);
}
`,
      };
    case 'PerfBuffer':
      return {
        valueInRow: measured,
        code: `
${cComment(`${comment(choices)} One buffer a CPU: for kernels before 5.8, which have no ring buffer.`)}
SKEP_PERF(${name}, struct ${row})${tags};

${signature}
{${setValue}
	bpf_perf_event_output(ctx, &${name}, BPF_F_CURRENT_CPU, row, sizeof(*row));
}
`,
      };
    case 'HashMap':
      return { valueInRow: false, code: hashCode(choices, row, name, tags, signature) };
  }
}

function comment({ output }: InitChoices): string {
  return {
    print: 'The name begins with print_: its records are the rows of a table.',
    counter: 'The name begins with counter_: records are counted by their members, the labels.',
    gauge: 'The name begins with gauge_: the last value for each set of labels is shown.',
    hist: 'The name begins with hist_: the values make a histogram for each set of labels.',
  }[output];
}

function hashCode(
  { output }: InitChoices,
  row: string,
  name: string,
  tags: string,
  signature: string,
): string {
  const map = (value: string): string => `SKEP_LRU_HASH(${name}, struct ${row}, ${value}, 10240)${tags};`;
  switch (output) {
    case 'print':
    case 'counter':
      return `
${cComment(`${PREFIX[output]} The kernel counts; skep looks once a second.`)}
${map('__u64')}

${signature}
{
	skep_add(&${name}, row, 1);
}
`;
    case 'gauge':
      return `
${cComment('The name begins with gauge_: its numbers are shown as they are, the members of its keys are their labels.')}
${map('__u64')}

${signature}
{
	bpf_map_update_elem(&${name}, row, &us, BPF_ANY);
}
`;
    case 'hist':
      return `
#define SLOTS ${SLOTS}

/* slots[i] counts values from 2^i up to 2^(i+1) - 1, the last one also all that is larger. */
struct slots {
	__u64 slots[SLOTS];
};

/* The name begins with hist_: a histogram for each key. The kernel counts; skep looks once a second. */
${map('struct slots')}

${signature}
{
	struct slots *found, zero = {};

	found = bpf_map_lookup_elem(&${name}, row);
	if (!found) {
		bpf_map_update_elem(&${name}, row, &zero, BPF_NOEXIST);
		found = bpf_map_lookup_elem(&${name}, row);
		if (!found)
			return;
	}
	__sync_fetch_and_add(&found->slots[skep_slot(us, SLOTS)], 1);
}
`;
  }
}
