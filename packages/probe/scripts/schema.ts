// Writes docs/schema/skep.schema.json. Run it after a change of src/metadata/fields.ts; a test compares.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { metadataSchema } from '../src/metadata/schema.ts';

const file = join(import.meta.dirname, '../../../docs/schema/skep.schema.json');
writeFileSync(file, `${JSON.stringify(metadataSchema(), null, 2)}\n`);
