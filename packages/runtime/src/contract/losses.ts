/** What is known about events that did not arrive. `reason` is one of a closed set. */
export interface Lost {
  readonly map: string;
  /**
   * `ring_full`, `perf_full`: no room in the kernel's buffer. `map_full`: no room in a hash for a new key, as the probe
   * counted it (`<map>_lost`). `stack_lost`: a map of stacks had another stack in its place, counted likewise.
   * `short_record`, `decode`: could not be read; the first is cut before its last member, or that is no array.
   * `slow_output`: the sink's queue was full. `map_read`: a poll of a map failed.
   */
  readonly reason: LostReason;
  readonly count: number;
}

export type LostReason =
  | 'ring_full'
  | 'perf_full'
  | 'map_full'
  | 'stack_lost'
  | 'short_record'
  | 'decode'
  | 'slow_output'
  | 'map_read';

/** Runs of a program that did not happen, as the kernel counted them. What they would have seen is not in the output. */
export interface Missed {
  readonly program: string;
  readonly object: string;
  /**
   * `recursion`: it, or another program on that CPU, was running already. `hook`: its kprobe was hit while another was
   * handled, or its kretprobe had no room for a further call under way.
   */
  readonly reason: 'recursion' | 'hook';
  readonly count: number;
}
