// Who asks an agent whose check of itself failed gets the answer, and is told not to believe it: by an exit code, too.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { AgentStatus, SelfCheck } from '@skep/agent';
import { ControlServer } from '../../agent/src/control/server.ts';
import { ask } from '../src/agent/ask.ts';
import { explain } from '../src/errors.ts';
import { ExitCode } from '../src/exit-codes.ts';
import { Sandbox } from './harness.ts';

suite('asking an agent', () => {
  const box = new Sandbox();
  const socket = box.path('agent.sock');
  let server: ControlServer;
  let selfCheck: SelfCheck;
  before(async () => {
    const status = () => ({
      watched: {},
      hooks: [],
      selfCheck,
      exports: [],
      unseen: [],
      notes: [],
      lost: [],
    });
    const rest = { notCounted: {}, unseenBytes: {}, notToldApart: {}, missed: [], fill: {}, listens: {} };
    const figures = { spans: { taken: 0, held: 0, left: 0 }, budget: { usedPercent: 0, limiting: false } };
    server = await ControlServer.listen(socket, async (question) =>
      question === 'status' ? ({ ...status(), ...rest, ...figures } as unknown as AgentStatus) : [],
    );
  });
  after(async () => {
    await server?.close();
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
