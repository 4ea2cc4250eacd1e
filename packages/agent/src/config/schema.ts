import * as v from 'valibot';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const DURATION_OR_OFF = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h)|off)$/;

const list = <T extends v.GenericSchema>(item: T, description: string) =>
  v.optional(
    v.pipe(
      v.array(item, 'must be a list'),
      v.minLength(1, 'is an empty list; leave it out'),
      v.description(description),
    ),
  );

const text = v.pipe(v.string('must be a text'), v.nonEmpty('is empty'));

/** A timer that is to wait for more than 24 days does not wait at all, and nobody means so long. */
const LONGEST_MS = 86_400_000;

function milliseconds(said: string): number {
  const [, n, unit] = DURATION.exec(said) ?? [];
  return n === undefined ? 0 : Number(n) * UNITS[unit!]!;
}

/** `500ms`, `10s`, `1m`; and `off`, unless it has to be. Milliseconds, 0 for off. */
const duration = (description: string, { least = '1ms', off = true } = {}) => {
  const or = off ? ', or off' : '';
  return v.optional(
    v.pipe(
      v.string(`must be a time, like 10s${or}`),
      v.regex(off ? DURATION_OR_OFF : DURATION, `must be a time, like 500ms, 10s or 1m${or}`),
      v.check(
        (said) =>
          said === 'off' || (milliseconds(said) >= milliseconds(least) && milliseconds(said) <= LONGEST_MS),
        `must be from ${least} to 24h${or}`,
      ),
      v.description(description),
      v.transform(milliseconds),
    ),
  );
};

const whole = (least: number, most: number, description: string) => {
  const wanted = `must be a whole number from ${least} to ${most}`;
  return v.optional(
    v.pipe(
      v.number(wanted),
      v.integer(wanted),
      v.minValue(least, wanted),
      v.maxValue(most, wanted),
      v.description(description),
    ),
  );
};

const RANGE = /^(\d{1,5})-(\d{1,5})$/;
const WANTED = 'must be a port, from 1 to 65535, or a range like 8000-8010';

/** 8080, or as the flag has it: 8000-8010. */
const port = v.union(
  [
    v.pipe(v.number(), v.integer(WANTED), v.minValue(1, WANTED), v.maxValue(65_535, WANTED)),
    v.pipe(
      v.string(),
      v.regex(RANGE, WANTED),
      v.check((said) => {
        const [from, to] = RANGE.exec(said)!.slice(1).map(Number);
        return from! >= 1 && from! <= to! && to! <= 65_535;
      }, WANTED),
    ),
  ],
  WANTED,
);

const LISTEN = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]\s]*):)?(\d{1,5})$/;

/** The settings of the agent, as --config has them. */
export const CONFIG = v.strictObject({
  watch: v.optional(
    v.strictObject({
      ports: list(port, 'Only servers on these ports, and their clients.'),
      pids: list(
        v.pipe(
          v.number('must be the id of a process'),
          v.integer('must be the id of a process'),
          v.minValue(1, 'must be the id of a process'),
        ),
        'Only these processes.',
      ),
      executables: list(text, 'Only processes of these programs, by their full paths.'),
      cgroups: list(text, 'Only these cgroups (v2), with those below them, by their folders.'),
      network_namespaces: list(text, 'Only these network namespaces, by paths like /run/netns/NAME.'),
    }),
  ),
  prometheus: v.optional(
    v.strictObject({
      listen: v.pipe(
        v.string('must be an address, like 127.0.0.1:9464'),
        v.regex(LISTEN, 'must be an address, like 127.0.0.1:9464, or :9464 for every interface'),
        v.check((said) => Number(LISTEN.exec(said)![2]) <= 65_535, 'must have a port up to 65535'),
        v.description('Where /metrics is served: 127.0.0.1:9464, or :9464 on every interface.'),
        v.transform((said) => {
          const [, host, number] = LISTEN.exec(said)!;
          const bare = host?.replace(/^\[|\]$/g, '');
          return { host: bare === '' ? '::' : bare, port: Number(number) };
        }),
      ),
    }),
  ),
  otlp: v.optional(
    v.strictObject({
      endpoint: v.optional(
        v.pipe(
          v.string('must be a URL'),
          v.regex(/^https?:\/\/\S+$/, 'must be a URL that begins with http:// or https://'),
          v.description('Where spans and metrics are sent. OTEL_EXPORTER_OTLP_ENDPOINT unless said.'),
        ),
      ),
      metric_interval: duration(
        'Between two exports of metrics. OTEL_METRIC_EXPORT_INTERVAL, or 60s unless said.',
        { least: '100ms', off: false },
      ),
    }),
  ),
  socket: v.optional(
    v.pipe(
      v.union([text, v.literal(false)], 'must be a path, or false'),
      v.description('Where the agent can be asked; false: nowhere. /run/skep/agent.sock unless said.'),
    ),
  ),
  routes: v.optional(
    v.strictObject({
      patterns: list(text, 'Routes that win over what is learned: /users/{user}, /static/*.'),
      children: whole(
        2,
        10_000,
        'Names behind one place of a path before they are taken for values. 100 unless said.',
      ),
      per_service: whole(1, 10_000, 'Routes that a service may have. 250 unless said.'),
    }),
  ),
  spans: v.optional(
    v.strictObject({
      errors: duration('At most one span of an error in this time, of each series. 1s unless said.'),
      slow: duration('The same of slow requests. 1s unless said.'),
      sample: duration('The same of any request. 10s unless said.'),
    }),
  ),
  limits: v.optional(
    v.strictObject({
      series: whole(10, 1_000_000, 'Label sets at once. 10000 unless said.'),
      services: whole(1, 30_000, 'Services at once. 4096 unless said.'),
    }),
  ),
  callers: v.optional(
    v.pipe(
      v.boolean('must be true or false'),
      v.description(
        'Whether metrics tell callers from other machines apart by address, up to 100 a service in ten minutes. false unless said.',
      ),
    ),
  ),
  cpu_budget: v.optional(
    v.pipe(
      v.number('must be a percentage of one processor, like 2'),
      v.minValue(0.1, 'must be at least 0.1'),
      v.maxValue(100_000, 'must be a percentage of one processor, like 2'),
      v.description('Percent of one processor; above it the agent takes fewer spans, and counts on.'),
    ),
  ),
  self_check: duration('Between two checks of the agent by itself; off: only at the start. 1m unless said.', {
    least: '1s',
  }),
});

/** What the file says, with times in milliseconds. */
export type Config = v.InferOutput<typeof CONFIG>;
