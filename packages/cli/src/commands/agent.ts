import { Argument, type Command } from 'commander';
import type { AgentFlags } from '../agent/flags.ts';
import { addAgentFlags } from '../agent/flags.ts';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';

/** `skep agent` */
export function define(command: Command): void {
  command
    .usage('[flags] [services|traces|status]')
    .addArgument(
      new Argument('[question]', 'ask the agent that runs here, instead of starting one').choices([
        'services',
        'traces',
        'status',
      ]),
    )
    .action(agent);
  addAgentFlags(command);
  examples(
    command,
    'sudo skep agent                                  every service of this machine, live; q quits',
    'sudo skep agent --prom-listen :9464              and curl localhost:9464/metrics',
    'sudo skep agent --print                          requests as lines: errors, slow ones, a sample',
    'sudo skep agent --port 8080 --port 8081          only servers on these ports, and their clients',
    'sudo skep agent --otlp http://127.0.0.1:4318     spans and metrics to an OpenTelemetry receiver',
    'sudo skep agent --config /etc/skep/agent.yaml --no-tty     as a service',
    'sudo skep agent services -o json                 ask the one that runs',
    'sudo skep agent status                           what it watches, loses, and cannot see',
  );
}

async function agent(question: string | undefined, flags: AgentFlags): Promise<void> {
  checkFlags(question, flags);
  if (question !== undefined) {
    const { ask } = await import('../agent/ask.ts');
    return ask(question as 'services', flags);
  }
  const { runAgent } = await import('../agent/run.ts');
  await runAgent(flags);
}

/** A flag that would do nothing is a mistake: `skep agent services --port 80` asks for all of them. */
function checkFlags(question: string | undefined, flags: AgentFlags): void {
  const { output, socket: _, tty, ...starting } = flags;
  if (question === undefined) {
    if (output === undefined) return;
    throw usageError(
      `-o ${output} is how an answer is written, and nothing is asked`,
      'skep agent services -o json asks the agent that runs. To start one that writes spans as lines: --print.',
    );
  }
  const [flag] = tty ? Object.keys(starting) : ['noTty'];
  if (flag === undefined) return;
  const said = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw usageError(
    `--${said} is for an agent that is started; "${question}" asks the one that runs`,
    `skep agent ${question} takes --socket and -o.`,
  );
}
