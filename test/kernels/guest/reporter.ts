import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** One finished test, as it travels over the serial line. */
export interface GuestTest {
  name: string;
  nesting: number;
  file: string;
  ms: number;
  failure?: string;
  skip?: string;
}

/** What node:test itself has to say at its end. */
const TOTALS = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** A reporter for node:test in a guest: a line for each finished test and for each remark, and what tests print in between. */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      const { name, nesting, file = '', details, skip, todo } = event.data;
      const test: GuestTest = { name, nesting, file, ms: Math.round(details.duration_ms) };
      if (event.type === 'test:fail' && todo === undefined) test.failure = text(event.data.details.error);
      if (skip !== undefined) test.skip = String(skip);
      yield `@@skep test ${JSON.stringify(test)}\n`;
    } else if (event.type === 'test:diagnostic' && !TOTALS.test(event.data.message)) {
      yield `@@skep note ${JSON.stringify(event.data.message)}\n`;
    } else if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      yield event.data.message;
    }
  }
}

/** node:test wraps what was thrown; that is what its author wants to see, with its own cause: fetch only says that it failed. */
function text(error: Error): string {
  const { cause } = error;
  if (!(cause instanceof Error)) return String(cause ?? error.message);
  const causes: unknown[] = [];
  for (let at = cause.cause; at !== undefined && causes.length < 5; ) {
    causes.push(at);
    at = at instanceof Error ? at.cause : undefined;
  }
  const why = causes.map((c) => `\ncaused by ${c instanceof Error ? (c.stack ?? c.message) : inspect(c)}`);
  return `${cause.stack ?? cause.message}${why.join('')}`;
}
