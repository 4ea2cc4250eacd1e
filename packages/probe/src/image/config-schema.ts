const text = { type: 'string', minLength: 1, maxLength: 4096 };
const yes = { const: true };
const digest = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' };

function object(required: readonly string[], properties: Record<string, object>): object {
  return { type: 'object', required, properties };
}

function list(items: object, minItems = 1): object {
  return { type: 'array', items, minItems };
}

/**
 * The JSON schema of an image's config, docs/schema/image-config.schema.json. Keys that it does not name are allowed, as
 * readers must leave them alone.
 */
export function imageConfigSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: "The config of a probe's image",
    description: 'docs/image-spec.md says what each key means.',
    ...object(['schemaVersion', 'name', 'os', 'architecture', 'requires', 'objects'], {
      schemaVersion: { const: 1 },
      name: text,
      version: text,
      description: text,
      authors: text,
      license: text,
      source: text,
      created: { type: 'string', format: 'date-time' },
      os: text,
      architecture: text,
      skepHeader: text,
      requires: object(['features'], {
        btf: yes,
        features: list(object(['group', 'name', 'since'], { group: text, name: text, since: text }), 0),
      }),
      objects: list(probeObject),
      attach: list({ ...text, pattern: '^[A-Za-z_]\\w*=' }),
      defaults: list({ ...text, pattern: '^[A-Za-z_]\\w*=' }),
      show: list({ ...text, pattern: '^(\\w+=)?[\\w.]+(:\\w+)?$' }),
    }),
  };
}

const probeObject = object(['name', 'digest', 'programs'], {
  name: { type: 'string', pattern: '^[\\w+-][\\w.+-]{0,127}$' },
  digest,
  license: text,
  programs: list(
    object(['name', 'section', 'type'], {
      name: text,
      section: text,
      type: text,
      target: text,
      help: text,
      optional: yes,
      autoload: { const: false },
    }),
  ),
  hooks: list(
    object(['group', 'rungs'], {
      group: text,
      optional: yes,
      without: text,
      rungs: list(object(['name', 'programs'], { name: text, programs: list(text) })),
    }),
  ),
  maps: list(
    object(['name', 'type'], {
      name: text,
      type: text,
      key: text,
      value: text,
      entries: { type: 'integer', minimum: 1 },
      output: { enum: ['print', 'counter', 'gauge', 'hist'] },
      unit: text,
      help: text,
      shared: yes,
    }),
  ),
  parameters: list(
    object(['name', 'type'], {
      name: text,
      type: text,
      default: text,
      range: text,
      unit: text,
      help: text,
      list: yes,
    }),
  ),
});
