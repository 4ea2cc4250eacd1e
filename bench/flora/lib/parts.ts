/** The parts of the report, in its order. */
import { capped } from '../cases/capped.ts';
import { compare } from '../cases/compare.ts';
import { dashboard } from '../cases/dashboard.ts';
import { flat } from '../cases/flat.ts';
import { hour } from '../cases/hour.ts';
import { pricePart } from '../cases/price.ts';
import { served } from '../cases/served.ts';
import { services } from '../cases/services.ts';
import { spans } from '../cases/spans.ts';
import { start } from '../cases/start.ts';
import { toggle } from '../cases/toggle.ts';
import type { Part } from './case.ts';

const medium = 'objects=5&tasks=10&gzip=0';
const light = 'objects=1&tasks=0&gzip=0';

export const parts: readonly Part[] = [
  pricePart,
  served,
  toggle({ name: 'toggle', title: 'On and off under one load', rate: 2000 }),
  toggle({
    name: 'toggle-capped',
    title: 'On and off beside a server that gets a quarter of a CPU',
    rate: 20_000,
    cpus: 0.25,
  }),
  compare({
    name: 'medium',
    title: 'Medium handler, newest Go',
    language: 'go',
    query: medium,
    rate: 2000,
    about: 'cpu',
  }),
  compare({
    name: 'light',
    title: 'Light handler, newest Go',
    language: 'go',
    query: light,
    rate: 2000,
    about: 'cpu',
  }),
  compare({
    name: 'go-1.19',
    title: 'Medium handler, Go 1.19',
    language: 'go-1.19',
    query: medium,
    rate: 2000,
    about: 'cpu',
  }),
  compare({
    name: 'gzip',
    title: 'Compressed answers, newest Go',
    language: 'go',
    query: 'objects=10&tasks=20&gzip=1',
    rate: 500,
    about: 'cpu',
  }),
  compare({
    name: 'node',
    title: 'Node',
    language: 'node',
    query: 'objects=5&tasks=1&gzip=0',
    rate: 500,
    about: 'cpu',
  }),
  compare({
    name: 'python',
    title: 'Python',
    language: 'python',
    query: 'objects=5&tasks=1&gzip=0',
    rate: 200,
    about: 'cpu',
  }),
  capped({ name: 'capped', title: 'A server that gets a quarter of a CPU', language: 'go', query: medium }),
  flat,
  services,
  spans,
  start,
  hour,
  dashboard,
];
