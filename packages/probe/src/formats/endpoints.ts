import { type Btf, type FormatSpec, stringify, type Value } from '@skep/bpf';
import { ipv4Text, ipv6Text } from './addresses.ts';

/** IANA's numbers of what is seen beside an address; others stay numbers. */
const PROTOCOLS: ReadonlyMap<Value, string> = new Map([
  [1, 'ICMP'],
  [6, 'TCP'],
  [17, 'UDP'],
  [58, 'ICMPv6'],
  [132, 'SCTP'],
]);

interface Endpoint {
  readonly addr_raw: { readonly v6: Value[]; readonly v4: number };
  readonly version: number;
  readonly port?: number;
  readonly proto_raw?: number;
}

/** Whether a type is one of Inspektor Gadget's endpoints: an address of which `version` says what it is, and maybe a port. */
export function isEndpoint(btf: Btf, typeId: number): boolean {
  const type = btf.resolve(typeId);
  const names = type.kind === 'struct' ? type.members.map((m) => m.name) : [];
  const address = type.kind === 'struct' && type.members.find((m) => m.name === 'addr_raw');
  if (!address || !names.includes('version') || names.includes('port') !== names.includes('proto_raw'))
    return false;
  const union = btf.resolve(address.type);
  const parts = union.kind === 'union' ? union.members.map((m) => m.name) : [];
  return parts.includes('v4') && parts.includes('v6');
}

/** `10.0.0.1:80`, `[fd00::1]:80`, of an address alone `10.0.0.1`; JSON has its parts by the names that `ig` gives them. */
export const ENDPOINT: FormatSpec = {
  name: 'endpoint',
  text(value) {
    const { port, version } = endpoint(value);
    const address = addressOf(value);
    if (port === undefined || address === '') return address;
    return version === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  },
  json(value): Value {
    const { port, proto_raw, version } = endpoint(value);
    const addr = addressOf(value);
    if (port === undefined || proto_raw === undefined) return { addr, version };
    return { addr, port, proto: PROTOCOLS.get(proto_raw) ?? stringify(proto_raw), version };
  },
};

function endpoint(value: Value): Endpoint {
  return value as unknown as Endpoint;
}

/** Empty where none was filled in. */
function addressOf(value: Value): string {
  const { addr_raw, version } = endpoint(value);
  if (version === 4) return ipv4Text(addr_raw.v4);
  return version === 6 ? ipv6Text(addr_raw.v6.map(Number)) : '';
}
