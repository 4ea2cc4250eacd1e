import type { ParamDescription } from '../describe/types.ts';
import { ProbeError } from '../errors.ts';
import type { ParamCodec } from './codec.ts';

/** Where in a list the value stood. */
interface Place {
  codec: ParamCodec;
  /** `params.yaml:3` */
  from?: string;
  /** From 0. */
  place?: number;
  of?: number;
  /** It is one value too many. */
  many?: boolean;
}

/** The refusal of a value: which, of what, what is taken instead. */
export function valueError(param: ParamDescription, text: string, where: Place): ProbeError {
  const { codec, from, place, of = 1, many } = where;
  const start = from === undefined ? '' : `${from}: `;
  const nth = place === undefined || of === 1 ? '' : `, value ${place + 1} of ${of}`;
  if (many) {
    return new ProbeError(
      'SKEP_PARAM_INVALID',
      `${start}The list "${param.name}" has too many values${nth}.`,
      {
        hint: 'A list holds at most a million.',
      },
    );
  }
  const message = `${start}"${text}" is no value for the parameter "${param.name}" (${param.type})${nth}.`;
  const why = codec.why?.(text);
  return new ProbeError('SKEP_PARAM_INVALID', message, { hint: `${why ? `${why} ` : ''}${takenBy(param)}` });
}

function takenBy({ takes, list, defaultText }: ParamDescription): string {
  if (list) return `It takes ${takes}.`;
  return `It takes ${takes}; its default is ${defaultText === '' ? 'empty' : defaultText}.`;
}
