// Writes docs/schema/skep.schema.json and image-config.schema.json. Run it after a change of src/metadata/fields.ts or
// src/image/config-schema.ts; tests compare.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageConfigSchema } from '../src/image/config-schema.ts';
import { metadataSchema } from '../src/metadata/schema.ts';

const folder = join(import.meta.dirname, '../../../docs/schema');
const schemas = { 'skep.schema.json': metadataSchema(), 'image-config.schema.json': imageConfigSchema() };
for (const [name, schema] of Object.entries(schemas))
  writeFileSync(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`);
