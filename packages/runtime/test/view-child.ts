// Run under a real pseudo-terminal by view-terminal.test.ts: opens a view and ends the process in the given way.

import { TerminalView } from '../src/view/index.ts';
import { FakeRun, printStream } from './view-fixture.ts';

const way = process.argv[2];
const view = new TerminalView({
  input: process.stdin,
  output: process.stdout,
  onQuit: () => {
    // `hang` is a run that does not come to its end.
    if (way !== 'hang') view.stop();
  },
});
view.start(new FakeRun([printStream(0).stream]));
view.attached();

const ways: Record<string, () => void> = {
  throw: () => {
    throw new Error('the probe broke');
  },
  // As the command does it: a sentence of its own, and the end.
  told: () => {
    process.on('uncaughtException', (error) => {
      process.stderr.write(`told: ${error}\n`);
      process.exit(1);
    });
    throw new Error('the probe broke');
  },
  reject: () => {
    void Promise.reject(new Error('the probe broke'));
  },
  exit: () => process.exit(3),
  stop: () => view.stop(),
  sigterm: () => process.kill(process.pid, 'SIGTERM'),
  sighup: () => process.kill(process.pid, 'SIGHUP'),
};
const end = ways[way ?? ''];
if (end !== undefined) setImmediate(end);
