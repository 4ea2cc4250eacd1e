import type { Field, Stream } from '@skep/runtime';

/** A column of a table of the agent's: a name, and how it sorts. */
type Columns = readonly (readonly [name: string, numeric: boolean])[];

/** A stream whose rows the agent makes itself: a tab of the live view. */
export function tableStream(id: number, name: string, help: string, columns: Columns): Stream {
  const fields = columns.map(
    ([column, numeric], i): Field => ({ name: column, role: i === 0 ? 'label' : 'value', numeric }),
  );
  return {
    id,
    map: name,
    name,
    object: 'agent',
    probe: 'skep agent',
    mapType: 'hash',
    kind: 'print',
    source: 'map',
    yields: 'series',
    fields,
    columns: [],
    help,
    lossKnown: true,
    stackColumns: [],
    stacks: () => [],
    stackIdentity: () => '',
    text: () => '',
    read: () => null,
    jsonInto: () => -1,
    json: () => '{}',
  };
}

export const SERVICES = tableStream(0, 'services', 'the last ten seconds', [
  ['service', false],
  ['lang', false],
  ['port', false],
  ['req/s', true],
  ['err/s', true],
  ['p50', true],
  ['p95', true],
  ['p99', true],
  ['callers', false],
  ['out/s', true],
]);

export const ENDPOINTS = tableStream(1, 'endpoints', 'since the agent began', [
  ['service', false],
  ['method', false],
  ['route', false],
  ['status', true],
  ['requests', true],
  ['mean', true],
  ['side', false],
  ['peer', false],
]);

export const SPANS = tableStream(2, 'spans', 'errors, slow ones, a sample; newest first', [
  // Not cut: it stands like a number.
  ['time', true],
  ['service', false],
  ['method', false],
  ['route', false],
  ['result', false],
  ['took', true],
  ['why', false],
  ['side', false],
  ['peer', false],
]);
