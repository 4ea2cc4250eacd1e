import type { InitChoices } from './choices.ts';
import { cComment } from './comment.ts';
import { publishCode } from './publish.ts';
import { SUBJECTS } from './subjects.ts';

/**
 * A probe to begin with: commented C that builds and runs as it stands, without kprobes, for each combination of
 * choices.
 *
 * ```ts
 * initTemplate({ language: 'C', programType: 'Network', map: 'RingBuffer', output: 'print' });
 * ```
 *
 * @param file what it will be called, for the commands in its first comment
 */
export function initTemplate(choices: InitChoices, file = 'probe.c'): string {
  const subject = SUBJECTS[choices.programType];
  const measured = choices.output === 'gauge' || choices.output === 'hist';
  const name = `${choices.output}_${subject.noun}${measured ? '_time_us' : 's'}`;
  const about = measured ? subject.about.measure : subject.about.event;
  // A hash map keeps a key for every different row, so what differs each time stays out of it.
  const details = choices.output === 'print' && choices.map !== 'HashMap';
  const publish = publishCode(choices, subject.noun, name, about);
  const members = [
    ...(publish.valueInRow ? ['duration_us took SKEP_VALUE SKEP_HELP("the time it took");'] : []),
    ...subject.labels,
    ...(details ? subject.details : []),
  ];
  const image = imageName(file);
  const build = `skep build ${file} ${image}`;
  const run = `sudo skep run ${image}`;
  const width = Math.max(build.length, run.length);
  return `// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Watches ${about}.
 *
 *     ${build.padEnd(width)}   make an image of it
 *     ${run.padEnd(width)}   run it; --help lists its parameters
 *     ${run} --set target_comm=curl
 */
#include "skep.h"
#include "skep_filter.h" /* the parameters target_pid, target_comm, target_cgroup, and skep_watched() */

/* A parameter of this probe's own: --set ${/, (\w+),/.exec(subject.param)?.[1]}=… */
${subject.param}

${cComment(`One ${choices.map === 'HashMap' ? 'key' : 'record'}. Members are columns and labels; their types say how they are shown.`)}
struct ${subject.noun} {
${members.map((m) => `\t${m}`).join('\n')}
};
${publish.code}${measured ? subject.measure() : subject.event({ fillDetails: details })}
/* The kernel lends some of the helpers used here only to programs under the GPL. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;
}

function imageName(file: string): string {
  const name = file.replace(/^.*\//, '').replace(/(\.bpf)?\.c$/, '');
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'probe'
  );
}
