// Whose spans are left to their processes: that of the process decides, and a service may have some of both.
import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { Identity } from '@skep/identity';
import { Services } from '../src/services/services.ts';
import { isDouble } from '../src/spans/own.ts';

const process = (sdk: boolean, fromEvent = false) =>
  ({
    ...{ service: { name: 'shop', rule: 'command' }, fromEvent },
    sdks: sdk
      ? [{ name: 'opentelemetry', sign: 'environment', detail: 'X', evidence: 'configured', off: false }]
      : [],
  }) as unknown as Identity;

test('a service that was started again without its SDK has spans made again', () => {
  const services = new Services();
  const of = (identity: Identity | undefined, now: number) => {
    const service = services.of(identity, now);
    return [isDouble({ identity, service }), service.tracesItself];
  };
  deepStrictEqual(of(process(true), 0), [true, true]);
  // A job of it that ended before anybody looked is as the others, and what is not known at all is, too.
  deepStrictEqual(of(process(false, true), 1), [true, true]);
  deepStrictEqual(isDouble({ service: services.of(process(true), 2) }), true);
  deepStrictEqual(of(process(false), 3), [false, false]);
  deepStrictEqual(of(process(false, true), 4), [false, false]);
});
