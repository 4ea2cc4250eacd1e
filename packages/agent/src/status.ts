import type { ExportStats, HookChoice, Lost, Missed } from '@skep/runtime';

/** What a map, cache or queue holds, and how much it may. */
export interface Fill {
  readonly used: number;
  readonly capacity: number;
}

/** What the agent's check of itself found last. */
export interface SelfCheck {
  /** `waiting` before the first one has ended. */
  readonly state: 'waiting' | 'passed' | 'failed';
  /** When it ended, milliseconds since 1970. */
  readonly at?: number;
  /** What was wrong. */
  readonly reason?: string;
  readonly passed: number;
  readonly failed: number;
}

/** Everything that `skep agent status` says. Counts are since the agent began. */
export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly uptimeSeconds: number;
  /** What is watched: everything unless narrowed. */
  readonly watched: Readonly<Record<string, readonly string[]>>;
  /** Those that have counted a request. */
  readonly services: number;
  readonly processes: number;
  readonly requests: number;
  /** From when the programs were attached to the first request that was counted, milliseconds. */
  readonly firstMetricMs?: number;
  readonly hooks: readonly HookChoice[];
  /** Requests or responses that were not counted, by reason. */
  readonly notCounted: Readonly<Record<string, number>>;
  /** Bytes that were not looked at, by reason. */
  readonly unseenBytes: Readonly<Record<string, number>>;
  /** Records and entries that found no room, by place. */
  readonly lost: readonly Lost[];
  /** Runs of programs that the kernel skipped, as far as it says so: each may be a request that was not counted. */
  readonly missed: readonly Missed[];
  /** Counted, but not told apart, by reason. */
  readonly notToldApart: Readonly<Record<string, number>>;
  readonly fill: Readonly<Record<string, Fill>>;
  readonly spans: {
    readonly taken: number;
    readonly held: number;
    /** Of services that export their own. */
    readonly left: number;
    readonly gapNs: number;
  };
  readonly budget: { readonly percent?: number; readonly usedPercent: number; readonly limiting: boolean };
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** What all programs ran in the kernel, where it says so. */
  readonly programs: readonly { readonly name: string; readonly runs: number; readonly seconds: number }[];
  readonly exports: readonly ExportStats[];
  readonly selfCheck: SelfCheck;
  /** Addresses: /metrics, the socket. */
  readonly listens: Readonly<Record<string, string>>;
  /** What cannot be seen, and why. */
  readonly unseen: readonly string[];
  /** What there was to say. */
  readonly notes: readonly string[];
}
