/** The published schema of the agent's settings is made of what reads them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { agentSchema } from '../../scripts/agent-schema.ts';

test('docs/schema/agent.schema.json is as node scripts/agent-schema.ts writes it', () => {
  const file = new URL('../../docs/schema/agent.schema.json', import.meta.url);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(agentSchema()));
});
