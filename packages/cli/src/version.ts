import manifest from '../package.json' with { type: 'json' };

/** The version of skep. */
export const version: string = manifest.version;
