// Tables of what an agent answers: as wide as a terminal, whatever a service does.
import { match } from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceInfo } from '@skep/agent';
import { servicesTable } from '../src/agent/text.ts';

test('of many ports and callers a few are named', () => {
  const side = { rate: 1, errorRate: 0, p50: 1, p95: 1, p99: 1, requests: 7, errors: 0 };
  const service = (ports: number[], calledBy: string[]) =>
    ({
      name: 'shop',
      ports,
      pids: [],
      server: side,
      client: side,
      calledBy,
      calls: [],
    }) as unknown as ServiceInfo;
  const ports = Array.from({ length: 300 }, (_, i) => 8000 + i);
  match(servicesTable([service(ports, ['a', 'b', 'c', 'd'])]), / 8000,8001,8002,8003,… .* a, b, c, …\n$/);
  match(servicesTable([service([80, 443], ['a', 'b', 'c'])]), / 80,443 .* a, b, c\n$/);
});
