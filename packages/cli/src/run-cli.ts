// What `skep run` starts from. The bundle makes one file of it and everything it may need (scripts/bundle.ts).
export { main } from './cli.ts';
