// Who asks an agent whose check of itself failed gets the answer, and is told not to believe it: by an exit code, too.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, suite, test } from 'node:test';
import type { AgentStatus, SelfCheck } from '@skep/agent';
import { ask } from '../src/agent/ask.ts';
import { explain } from '../src/errors.ts';
import { ExitCode } from '../src/exit-codes.ts';
import { Sandbox } from './harness.ts';

const STATUS: Omit<AgentStatus, 'selfCheck'> = {
  watched: {},
  hooks: [],
  exports: [],
  unseen: [],
  notes: [],
  lost: [],
  notCounted: {},
  unseenBytes: {},
  notToldApart: {},
  missed: [],
  fill: {},
  listens: {},
  spans: { taken: 0, held: 0, left: 0 },
  budget: { usedPercent: 0, limiting: false },
} as unknown as AgentStatus;

suite('asking an agent', () => {
  const box = new Sandbox();
  const socket = box.path('agent.sock');
  let selfCheck: SelfCheck;
  /** What an agent answers a line that asks for something, before it hangs up. */
  const server = createServer((connection) => {
    connection.once('data', (line) => {
      const { ask: question } = JSON.parse(line.toString()) as { ask: string };
      connection.end(JSON.stringify(question === 'status' ? { ...STATUS, selfCheck } : []));
    });
  });
  before(async () => {
    server.listen(socket);
    await once(server, 'listening');
  });
  after(() => {
    server.close();
    box[Symbol.dispose]();
  });

  for (const question of ['services', 'traces', 'status'] as const)
    test(`for ${question} fails when its check of itself did`, async () => {
      selfCheck = { state: 'passed', passed: 1, failed: 0 };
      await ask(question, { tty: true, socket });
      selfCheck = { state: 'failed', reason: 'nothing was counted', passed: 1, failed: 1 };
      const failure = await ask(question, { tty: true, socket, output: 'json' }).catch((error) => error);
      const { exitCode, message } = explain(failure);
      assert.equal(exitCode, ExitCode.kernel);
      assert.match(message, /check of itself failed: nothing was counted\. .* not to be trusted$/);
    });
});
