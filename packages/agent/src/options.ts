import type { ListenAt } from '@skep/runtime';
import type { TrieLimits } from './routes/trie.ts';
import type { Span } from './spans/spans.ts';

/** Lists of what is watched; an empty or absent one watches all. They narrow in the kernel. */
export interface Watch {
  /** Ports of servers. */
  readonly port?: readonly string[];
  readonly pid?: readonly string[];
  /** Paths of programs. */
  readonly exe?: readonly string[];
  /** Folders of cgroups (v2), with what is below them. */
  readonly cgroup?: readonly string[];
  /** Network namespaces: a path (`/run/netns/x`), a pid whose it is, or an inode number. */
  readonly netns?: readonly string[];
}

/** How often spans are taken, milliseconds a series; 0: none of that kind. */
export interface Sampling {
  /** Of errors. */
  readonly errorMs?: number;
  /** Of slow requests. */
  readonly slowMs?: number;
  /** Of any request. */
  readonly anyMs?: number;
}

export interface AgentOptions {
  readonly version: string;
  readonly watch?: Watch;
  /** Where /metrics is; nowhere unless given. */
  readonly prom?: ListenAt;
  /** The socket that `skep agent services` asks; none unless given, or with false. `required`: no agent without it. */
  readonly socket?: { readonly path: string; readonly required?: boolean } | false;
  /** OTLP; not sent unless given. */
  readonly otlp?: {
    /** OTEL_EXPORTER_OTLP_ENDPOINT unless said. */
    readonly url?: string;
    readonly env?: NodeJS.ProcessEnv;
    /** Between two exports of metrics; OTEL_METRIC_EXPORT_INTERVAL, or 60 s. */
    readonly metricIntervalMs?: number;
  };
  /** Routes by configuration. */
  readonly routes?: readonly string[];
  readonly limits?: Partial<TrieLimits> & { readonly series?: number; readonly services?: number };
  readonly sampling?: Sampling;
  /** Tell callers that are not on this machine apart by address, in metrics; spans have it anyway. Default false. */
  readonly callers?: boolean;
  /** Of one processor. */
  readonly cpuBudgetPercent?: number;
  /** Between two checks of the agent by itself, milliseconds; a minute unless said, 0: only at the start. */
  readonly selfCheckMs?: number;
  /** The alternatives of hooks to take, as `skep run --hook`. */
  readonly hooks?: Readonly<Record<string, string>>;
  /** What the user should be told, when it becomes so. */
  readonly onNote?: (text: string) => void;
  /** Each span, as it comes. */
  readonly onSpan?: (span: Span) => void;
  /** After each second's counts. */
  readonly onTick?: () => void;
  /** The objects to run in place of those that are read from where they were installed: what was checked, or a test's. */
  readonly objects?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}
