/** One key of skep.yaml. */
export interface Field {
  /** What it says; shown by editors that complete. */
  description: string;
  required?: boolean;
  /** A text, several texts, or either. */
  shape: 'text' | 'list' | 'text or list';
  pattern: RegExp;
  /** What the pattern asks for, to end "… must be". */
  wanted: string;
  example: string;
}

/** Every key that skep.yaml may have, in the order in which people write them. The published schema is made of it. */
export const FIELDS = {
  name: {
    description: "The probe's name, and the image's when none is given to the build.",
    required: true,
    shape: 'text',
    pattern: /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/,
    wanted: 'lower-case letters and digits, with single ".", "_" or "-" between them',
    example: 'oomkill',
  },
  version: {
    description: "The version, and the image's tag when none is given to the build.",
    shape: 'text',
    pattern: /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/,
    wanted: 'at most 128 letters, digits, ".", "_" or "-"',
    example: '1.0.0',
  },
  description: {
    description: 'One sentence: what the probe shows.',
    shape: 'text',
    pattern: /^[^\p{Cc}]{1,1000}$/u,
    wanted: 'a text of at most 1000 characters',
    example: 'Processes that the kernel killed for want of memory',
  },
  authors: {
    description: 'Who made it.',
    shape: 'text or list',
    pattern: /^[^\p{Cc}]{1,200}$/u,
    wanted: 'names of at most 200 characters',
    example: 'A. Author <a@example.com>',
  },
  license: {
    description: 'The licence of the sources, as an SPDX expression.',
    shape: 'text',
    pattern: /^[A-Za-z0-9.+() -]{1,200}$/,
    wanted: 'an SPDX expression',
    example: 'GPL-2.0 OR BSD-2-Clause',
  },
  source: {
    description: 'Where the sources can be had.',
    shape: 'text',
    pattern: /^https?:\/\/[^\s\p{Cc}]{1,1000}$/u,
    wanted: 'an address that begins with https:// or http://',
    example: 'https://example.com/probes/oomkill',
  },
  sources: {
    description:
      'The C files (or ready objects) of the image, for a build of the folder; beside this file or below.',
    shape: 'list',
    pattern: /^(?!.*(?:^|\/)\.\.(?:\/|$))[^/\s\p{Cc}][^\p{Cc}]{0,250}\.[co]$/u,
    wanted: '.c or .o files in this folder',
    example: 'oomkill.c',
  },
  readme: {
    description: 'A README that the image carries.',
    shape: 'text',
    pattern: /^(?!.*(?:^|\/)\.\.(?:\/|$))[^/\s\p{Cc}][^\p{Cc}]{0,250}\.md$/u,
    wanted: 'a .md file in this folder',
    example: 'README.md',
  },
  dashboards: {
    description: 'Grafana dashboards that the image carries.',
    shape: 'list',
    pattern: /^(?!.*(?:^|\/)\.\.(?:\/|$))[^/\s\p{Cc}][^\p{Cc}]{0,250}\.json$/u,
    wanted: '.json files in this folder',
    example: 'dashboard.json',
  },
  rules: {
    description: 'Files of Prometheus rules, alerts among them, that the image carries.',
    shape: 'list',
    pattern: /^(?!.*(?:^|\/)\.\.(?:\/|$))[^/\s\p{Cc}][^\p{Cc}]{0,250}\.ya?ml$/u,
    wanted: '.yaml files in this folder',
    example: 'alerts.yaml',
  },
  embed_sources: {
    description: 'Whether the image carries its sources: "skep init --from IMAGE" makes a folder of them.',
    shape: 'text',
    pattern: /^(true|false)$/,
    wanted: 'true or false',
    example: 'true',
  },
  attach: {
    description: 'Where programs are attached whose sections do not say, unless --attach says otherwise.',
    shape: 'list',
    pattern: /^[A-Za-z_]\w*=[^\p{Cc}]{1,1000}$/u,
    wanted: 'PROG=TARGET each, as behind --attach',
    example: 'count_packets=eth0',
  },
  params: {
    description: 'What parameters are set to where nothing else says so: no flag, no environment, no file.',
    shape: 'list',
    pattern: /^[A-Za-z_]\w*=[^\p{Cc}]{0,1000}$/u,
    wanted: 'NAME=VALUE each, as behind --set',
    example: 'min_latency=5ms',
  },
  show: {
    description: 'Maps that are shown though their names have no prefix that says how.',
    shape: 'list',
    pattern: /^((print|counter|gauge|hist)=)?[\w.]{1,200}(:\w{1,200})?$/u,
    wanted: 'MAP, KIND=MAP (print, counter, gauge, hist) or MAP:STRUCT each, as behind --show',
    example: 'counter=packets',
  },
} as const satisfies Record<string, Field>;

/** A key of skep.yaml. */
export type FieldName = keyof typeof FIELDS;
