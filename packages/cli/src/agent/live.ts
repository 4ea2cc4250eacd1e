import type { Agent, Watch } from '@skep/agent';
import { AgentRun } from '@skep/agent/view';
import { TerminalView } from '@skep/runtime';
import { watchedText } from './text.ts';

/** The live view of an agent. */
export interface LiveView {
  notice(text: string): void;
  attached(agent: Agent): void;
  tick(): void;
  close(): void;
}

/** Takes the terminal, and shows what an agent knows as soon as there is one. */
export async function openView(watch: Watch, quit: () => void): Promise<LiveView> {
  const run = new AgentRun();
  const { stdin: input, stdout: output } = process;
  const view = new TerminalView({
    input,
    output,
    onQuit: quit,
    what: 'requests',
    hint: `HTTP of ${watchedText(watch) || 'any process'}`,
  });
  view.start(run);
  return {
    notice: (text) => view.notice(text, /failed/.test(text) ? 'error' : 'info'),
    attached(agent) {
      run.of(agent);
      view.attached();
    },
    tick() {
      run.update();
      view.tick();
    },
    close: () => view.stop(),
  };
}
