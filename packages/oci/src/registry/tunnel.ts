import type { ClientRequestArgs } from 'node:http';
import type { Agent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { OciError } from '../errors.ts';
import { networkError, timeoutError } from './errors.ts';

type Created = (error: Error | null, socket: Duplex) => void;

/**
 * Lets an agent reach its hosts through a proxy: CONNECT first, then TLS inside.
 * https://www.rfc-editor.org/rfc/rfc9110#name-connect
 */
export function tunnel(agent: Agent, proxy: URL, idleMs: number, authorization: string | undefined): void {
  const tls = process.getBuiltinModule('node:tls');
  const client = process.getBuiltinModule(proxy.protocol === 'https:' ? 'node:https' : 'node:http');
  agent.createConnection = (options: ClientRequestArgs, callback?: Created) => {
    const done = callback as Created;
    // Node takes the brackets of an IPv6 address away.
    const host = options.host?.includes(':') ? `[${options.host}]` : options.host;
    const target = `${host}:${options.port}`;
    const fail = (e: Error) => done(e, undefined as unknown as Duplex); // node looks at the error first
    const req = client.request(proxy, {
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...(authorization && { 'proxy-authorization': authorization }) },
      timeout: idleMs,
      agent: false,
    });
    req.on('timeout', () => req.destroy(timeoutError(`The proxy ${proxy.host}`, idleMs)));
    req.on('error', (e) => fail(networkError(e, `the proxy ${proxy.host}`)));
    req.on('response', (res) => {
      res.resume();
      refuse(res.statusCode);
    });
    const refuse = (status: number | undefined) =>
      fail(
        new OciError(
          'SKEP_PROXY',
          `The proxy ${proxy.host} answered ${status} to the wish to reach ${target}.`,
          {
            hint:
              status === 407
                ? 'Put user and password into HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT).'
                : 'Exclude the registry with NO_PROXY, or ask who runs the proxy.',
          },
        ),
      );
    req.on('connect', (res, socket) => {
      if (res.statusCode !== 200) {
        socket.destroy();
        return refuse(res.statusCode);
      }
      const inner = tls.connect({ ...(options as ConnectionOptions), socket });
      done(null, inner);
    });
    req.end();
    return undefined as unknown as Duplex; // the callback gives it
  };
}
