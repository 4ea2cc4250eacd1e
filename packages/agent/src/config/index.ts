export { parseConfig, readConfig } from './read.ts';
export { CONFIG, type Config } from './schema.ts';
