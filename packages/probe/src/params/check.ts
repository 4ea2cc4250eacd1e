import { parseObject } from '@skep/bpf';
import type { ObjectDescription } from '../describe/types.ts';
import { parseList } from './list.ts';
import { findParam, parseParam } from './params.ts';

/**
 * Checks the `NAME=VALUE` texts that an image is to carry against its objects.
 *
 * @throws {ProbeError} `SKEP_PARAM_INVALID` for a name that no object has, or a value that its parameter does not take
 */
export function checkParams(
  texts: readonly string[],
  objects: readonly { description: ObjectDescription; bytes: Uint8Array }[],
): void {
  const from = 'params of skep.yaml';
  for (const text of texts) {
    const equals = text.indexOf('=');
    const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
    findParam(
      objects.flatMap((o) => o.description.params),
      name,
      from,
    );
    for (const { description, bytes } of objects) {
      const param = description.params.find((p) => p.name === name);
      if (!param) continue;
      const { btf } = parseObject(bytes, description.name);
      if (param.list) parseList(param, btf, { value, from });
      else parseParam(param, btf, { value, from });
    }
  }
}
