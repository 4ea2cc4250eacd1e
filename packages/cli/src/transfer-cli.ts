// What `skep push`, `pull` and `copy` start from. The bundle makes one file of it and what these need, and leaves
// out the other commands (scripts/bundle.ts).
export { main } from './cli.ts';
