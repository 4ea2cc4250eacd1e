/** One variant, measured once: its server, what runs beside it, k6, and three counts that must be equal. */
import { counted, countedExactly, startAgent, startSleeper } from './agent.ts';
import { load } from './load.ts';
import { API, type Place } from './place.ts';
import { type Running, watchMemory } from './process.ts';
import { startServer, told } from './server.ts';
import { received } from './sink.ts';
import type { Variant } from './variants.ts';

export interface Setting {
  /** The query of /api. */
  readonly query: string;
  /** Requests a second; undefined: as many as `users` get, each waiting for the answer. */
  readonly rate?: number;
  readonly seconds: number;
  readonly users?: number;
  /** The server gets so many CPUs. */
  readonly cpus?: number;
}

/** What one variant took in one round. */
export interface Taken {
  /** Microseconds of CPU a request: of the server's cgroup, of skep's. */
  readonly server: number;
  readonly agent: number;
  /** Most resident memory, MiB. */
  readonly serverMemory: number;
  readonly agentMemory: number;
  readonly p50: number;
  readonly p99: number;
  readonly sent: number;
  readonly dropped: number;
  /** Answered a second. */
  readonly throughput: number;
  /** Spans that the sink got, a request. */
  readonly spans: number;
  readonly runtime: string;
}

const WARM_SECONDS = 2;
/** Of the service; its counters have a port of their own. */
const PORT = Number(API.split(':')[1]);

/** @throws Error when the counts of k6, the server and skep differ, or a variant that makes spans made none */
export async function measureOnce(place: Place, variant: Variant, setting: Setting): Promise<Taken> {
  await using server = await startServer(place, variant);
  await using beside = await startBeside(place, variant, server.pid);
  await load(place, { ...setting, seconds: WARM_SECONDS });
  if (setting.cpus) server.group.limit(setting.cpus);
  const seen = variant.beside === 'skep' ? await settled() : 0;
  const [before, sink] = [await told(), await received()];
  const cpu = [server, beside].map((p) => p?.group.cpuSeconds() ?? 0);
  const { value: sent, most } = await watchMemory(beside ? [server, beside] : [server], () =>
    load(place, setting),
  );
  const after = [server, beside].map((p) => p?.group.cpuSeconds() ?? 0);
  if (setting.cpus) server.group.limit(undefined);
  const { answered, runtime } = await told();
  if (answered - before.answered !== sent.sent) {
    throw new Error(`k6 sent ${sent.sent} requests, the server answered ${answered - before.answered}`);
  }
  if (variant.beside === 'skep') await countedExactly(seen, sent.sent);
  const spans = ((await received()).spans - sink.spans) / sent.sent;
  if (variant.spans && spans < 0.5)
    throw new Error(`${variant.name}: ${spans} spans a request reached the sink`);
  const each = (i: number): number => ((after[i]! - cpu[i]!) / sent.sent) * 1e6;
  return {
    ...{ server: each(0), agent: each(1), serverMemory: most[0]!, agentMemory: most[1] ?? 0 },
    ...{ p50: sent.p50, p99: sent.p99, sent: sent.sent, dropped: sent.dropped },
    ...{ throughput: sent.sent / sent.seconds, spans, runtime },
  };
}

/** skep's count when it stands still: the warm-up's is in it whole. */
async function settled(): Promise<number> {
  const { answered } = await told();
  await countedExactly(0, answered);
  return counted();
}

async function startBeside(place: Place, { beside }: Variant, pid: number): Promise<Running | undefined> {
  if (beside === 'skep') return startAgent(place, { pid, port: PORT });
  return beside === 'sleeper' ? startSleeper(place) : undefined;
}
