import type { KernelFacts, Verdict } from '@skep/bpf';
import { refused, unknown } from './verdict.ts';

/** What a tc program needs where there is no tcx (before Linux 6.6): a qdisc and a filter, built in or modules. */
const PARTS = [
  ['CONFIG_NET_SCH_INGRESS', 'sch_ingress'],
  ['CONFIG_NET_CLS_BPF', 'cls_bpf'],
] as const;

/** Whether a kernel lets tc programs on an interface; undefined when nothing speaks against it. */
export function trafficControl({ btf, config, hasModule }: KernelFacts): Verdict | undefined {
  const types = btf?.find('bpf_attach_type', 'enum');
  if (types?.kind !== 'enum' || types.values.some((v) => v.name === 'BPF_TCX_INGRESS')) return undefined;
  for (const [option, module] of PARTS) {
    const built = config?.get(option);
    if (config && built === undefined)
      return refused(
        `this kernel was built without ${option}`,
        'Before tcx (Linux 6.6) tc programs need it.',
      );
    if (built !== 'y' && hasModule?.(module) === false)
      return unknown(
        `whether this kernel can load the module ${module} is not known: it is not installed here`,
      );
  }
  return undefined;
}
