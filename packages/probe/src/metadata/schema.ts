import { FIELDS, type Field } from './fields.ts';

/**
 * The JSON schema of skep.yaml, for completion in editors; docs/schema/skep.schema.json holds it.
 *
 * A number is as good as a text: `version: 1.10` is taken as it is written, and so is `true`.
 */
export function metadataSchema(): object {
  const fields: [string, Field][] = Object.entries(FIELDS);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'skep.yaml',
    description: 'What a probe says of itself beside its source.',
    type: 'object',
    additionalProperties: false,
    required: fields.filter(([, f]) => f.required).map(([name]) => name),
    properties: Object.fromEntries(fields.map(([name, f]) => [name, property(f)])),
  };
}

function property({ description, shape, pattern, example }: Field): object {
  const text = { type: ['string', 'number', 'boolean'], pattern: pattern.source };
  const list = { type: 'array', items: text, minItems: 1, uniqueItems: true };
  const value = { text, list, 'text or list': { anyOf: [text, list] } }[shape];
  return { description, examples: [shape === 'list' ? [example] : example], ...value };
}
