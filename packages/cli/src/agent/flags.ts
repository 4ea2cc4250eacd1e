import { type Command, Option } from 'commander';
import { usageError } from '../errors.ts';
import { collect } from '../settings.ts';
import { collectPairs, type ListenAddress, parseListen } from '../values.ts';

/** The flags of `skep agent`. */
export interface AgentFlags {
  config?: string;
  port?: string[];
  pid?: string[];
  exe?: string[];
  cgroup?: string[];
  netns?: string[];
  hook?: Record<string, string>;
  promListen?: ListenAddress;
  otlp?: string;
  print?: boolean;
  tty: boolean;
  cpuBudget?: number;
  socket?: string | false;
  output?: 'table' | 'json';
}

/** Declares them, in the order of the help. */
export function addAgentFlags(command: Command): void {
  command
    .option('--config <file>', 'settings as YAML; flags win over them')
    .option('--port <port>', 'only servers on this port and their clients, may be repeated', collect)
    .option('--pid <id>', 'only this process, may be repeated', collect)
    .option('--exe <file>', 'only processes of this program, may be repeated', collect)
    .option('--cgroup <dir>', 'only this cgroup (v2) and those below it, may be repeated', collect)
    .option('--netns <path|pid>', 'only this network namespace, may be repeated', collect)
    .option('--prom-listen <address>', 'serve /metrics here', parseListen('--prom-listen'))
    .option('--otlp <url>', 'send spans and metrics to an OTLP receiver (OTEL_EXPORTER_OTLP_ENDPOINT)')
    .option('--print', 'write spans as lines')
    .option('--no-tty', 'no live view')
    .option('--cpu-budget <percent>', 'of one processor; above it fewer spans are taken', percent)
    .option(
      '--hook <group=rung>',
      'take this alternative of a group of hooks, may be repeated',
      collectPairs('--hook', 'GROUP=RUNG', 'traffic=kprobe'),
    )
    .option('--socket <file>', 'where it can be asked (/run/skep/agent.sock)')
    .option('--no-socket', 'nobody can ask it')
    .addOption(new Option('-o, --output <how>', 'of a question').choices(['table', 'json']));
}

function percent(text: string): number {
  const n = /^\d+(\.\d+)?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (n > 0) return n;
  throw usageError(`--cpu-budget: "${text}" is no percentage`, 'Write 2% or 2: of one processor.');
}
