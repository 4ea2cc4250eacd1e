/** What a probe of the running kernel found. */
export interface FeatureResult {
  /** Undefined when it could not be found out, mostly for want of privileges. */
  readonly available: boolean | undefined;
  /** Why not, or why nobody knows; empty when available. */
  readonly reason: string;
  /** What would bring it; empty when available. */
  readonly hint: string;
  /** First Linux version that has it, such as `'5.8'`, where one version can be named. */
  readonly since?: string;
}

export const available: FeatureResult = { available: true, reason: '', hint: '' };

export function missing(reason: string, hint: string, since?: string): FeatureResult {
  return { available: false, reason, hint, since };
}

export function unknown(reason: string, hint: string): FeatureResult {
  return { available: undefined, reason, hint };
}
