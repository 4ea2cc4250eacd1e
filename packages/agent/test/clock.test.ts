// A machine's clock may be put back while the agent runs: what it sends has an order all the same.
import { ok, strictEqual } from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Host } from '@skep/identity';
import { AgentMetricSource } from '../src/otlp/metrics.ts';
import { Resources } from '../src/otlp/resources.ts';
import { NOBODY } from '../src/peers/peers.ts';
import { Series } from '../src/series/series.ts';
import { Service } from '../src/services/service.ts';

test('no point of a metric begins after its end', async () => {
  mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  try {
    const service = new Service(1, 'shop', undefined, 0);
    const series = new Series(
      {
        ...{ service, role: 'server', method: 'GET', route: '/', status: 200, error: '', port: 80 },
        ...{ peer: NOBODY, overflow: false },
      },
      0,
    );
    const source = new AgentMetricSource({
      resources: new Resources(new Host(), {}),
      series: async () => [series],
      status: () =>
        ({
          fill: {},
          spans: {},
          budget: {},
          selfCheck: {},
          exports: [],
          hooks: [],
          programs: [],
          lost: [],
          missed: [],
          notCounted: {},
          notToldApart: {},
          unseenBytes: {},
        }) as never,
      startedAt: 1_000_000_000_000n,
    });
    mock.timers.setTime(400_000);
    const points = (await source.collect()).flatMap((r) =>
      r.metrics.flatMap((m) => m.points as readonly { start?: bigint; time: bigint }[]),
    );
    ok(points.length > 3, `${points.length} points`);
    for (const { start, time } of points) ok(start! <= time, `${start} to ${time}`);
    // Later it begins where it did: to a receiver another beginning is a reset, and all that was counted is counted again.
    mock.timers.setTime(500_000);
    const [first] = (await source.collect())[0]!.metrics;
    strictEqual((first!.points[0] as { start: bigint }).start, 400_000_000_000n);
  } finally {
    mock.timers.reset();
  }
});
