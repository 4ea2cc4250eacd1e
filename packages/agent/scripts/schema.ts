// Writes docs/schema/agent.schema.json, which editors complete the agent's settings by.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import { CONFIG } from '../src/config/index.ts';

/** The schema of what is written, not of what is made of it. */
export function agentSchema(): string {
  const schema = toJsonSchema(CONFIG, { typeMode: 'input', errorMode: 'ignore' });
  const titled = { ...schema, title: 'The settings of skep agent' };
  return `${JSON.stringify(titled, null, 2)}\n`;
}

if (import.meta.main)
  writeFileSync(join(import.meta.dirname, '../../../docs/schema/agent.schema.json'), agentSchema());
