/** What a parameter is set to: a text, or a text for each value of a list; and where that was said, for messages. */
export type ParamSetting =
  | string
  | readonly string[]
  | {
      readonly value: string | readonly string[];
      /** `--min-latency`, `SKEP_SET_PORTS`, `params.yaml:3` */
      readonly from: string;
      /** The same for each value of a list that was not said in one place. */
      readonly places?: readonly string[];
    };

/** A setting with its parts named. */
export interface Said {
  value: string | readonly string[];
  from?: string;
  places?: readonly string[];
}

/** A setting in its long form. */
export function said(setting: ParamSetting): Said {
  return typeof setting === 'string' || isList(setting) ? { value: setting } : setting;
}

function isList(setting: ParamSetting): setting is readonly string[] {
  return Array.isArray(setting);
}
