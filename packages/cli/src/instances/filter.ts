import { usageError } from '../errors.ts';
import type { Instance } from './folder.ts';

const STATES: readonly Instance['state'][] = ['created', 'running', 'exited', 'dead', 'damaged'];

type Test = (instance: Instance, value: string) => boolean;

/** What `skep ps --filter KEY=VALUE` may ask, as docker's: names by a part of them, labels by key or key and value. */
const TESTS: Readonly<Record<string, Test>> = {
  name: (i, value) => i.name.includes(value),
  id: (i, value) => i.id.startsWith(value),
  label: (i, value) => {
    const [key = '', ...rest] = value.split('=');
    return Object.hasOwn(i.labels, key) && (rest.length === 0 || i.labels[key] === rest.join('='));
  },
  status: (i, value) => i.state === value,
  probe: (i, value) => i.programs.some((p) => p === value || p.split(/[:@]/)[0] === value),
};

/**
 * A test of instances. Values of one key are alternatives, labels and different keys must all fit.
 *
 * @throws CliError SKEP_USAGE
 */
export function filterOf(texts: readonly string[]): (instance: Instance) => boolean {
  const asked = texts.map((text) => {
    const equals = text.indexOf('=');
    const key = text.slice(0, Math.max(0, equals));
    const test = Object.hasOwn(TESTS, key) ? TESTS[key] : undefined;
    const value = text.slice(equals + 1);
    if (key === 'status' && !STATES.includes(value as Instance['state']))
      throw usageError(`--filter: there is no status "${value}"`, `There are ${STATES.join(', ')}.`);
    if (test) return { key, test, value };
    throw usageError(`--filter: "${text}" is none of these`, `Write ${Object.keys(TESTS).join('=…, ')}=….`);
  });
  return (instance) =>
    [...new Set(asked.map((a) => a.key))].every((key) => {
      const own = asked.filter((a) => a.key === key).map((a) => a.test(instance, a.value));
      return key === 'label' ? own.every(Boolean) : own.some(Boolean);
    });
}
