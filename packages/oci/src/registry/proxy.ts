import { OciError, printable } from '../errors.ts';
import { isLoopback } from './host.ts';

/**
 * The proxy for a request, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY (either case), as Go programs such as docker and
 * skopeo read them: https://pkg.go.dev/golang.org/x/net/http/httpproxy. Loopback never goes through a proxy.
 *
 * @throws OciError SKEP_PROXY when the variable is no http:// or https:// address
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = env[name] || env[name.toLowerCase()];
  if (!value) return undefined;
  if (isLoopback(url.hostname) || isExcluded(url, env.NO_PROXY || env.no_proxy || '')) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  let proxy: URL | undefined;
  try {
    proxy = new URL(text);
  } catch {
    proxy = undefined; // said below
  }
  if (proxy === undefined || !['http:', 'https:'].includes(proxy.protocol)) {
    const shown = printable(text.replace(/\/\/[^@/]*@/, '//'), 80);
    throw new OciError('SKEP_PROXY', `${name} holds "${shown}", which is no http:// or https:// address.`, {
      hint: `Set ${name} to http://HOST:PORT, or unset it.`,
    });
  }
  return proxy;
}

function isExcluded(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy
    .split(',')
    .map((s) => s.trim().toLowerCase())
    .some((entry) => {
      if (entry === '') return false;
      if (entry === '*') return true;
      if (entry.includes('/')) return inCidr(host, entry);
      const m = /^(\[[^\]]+\]|[^:]+|[^:]*:[^:]*:.*?)(?::(\d+))?$/.exec(entry);
      if (m === null || (m[2] !== undefined && m[2] !== port)) return false;
      const name = (m[1] as string).replace(/^\[|\]$/g, '').replace(/^\*(?=\.)/, '');
      if (name.startsWith('.')) return host.endsWith(name);
      return host === name || (!isAddress(name) && host.endsWith(`.${name}`));
    });
}

function isAddress(s: string): boolean {
  return s.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(s);
}

function inCidr(host: string, cidr: string): boolean {
  const [net = '', bits = ''] = cidr.split('/');
  const { BlockList, isIP } = process.getBuiltinModule('node:net');
  const family = isIP(net);
  if (
    family === 0 ||
    isIP(host) !== family ||
    !/^\d+$/.test(bits) ||
    Number(bits) > (family === 4 ? 32 : 128)
  ) {
    return false;
  }
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(net, Number(bits), type);
  return list.check(host, type);
}
