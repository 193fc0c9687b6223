// The exported dashboard as Grafana's types want it. run puts the dashboard in the place of DASHBOARD.
import type { Dashboard, FieldConfig, Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import type * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import type * as text from "@grafana/grafana-foundation-sdk/text";
import type * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

// Wire is a type as JSON holds it: an enumeration of strings is those strings, and methods are not there.
type Wire<T> = T extends string
  ? `${T}`
  : T extends (infer U)[]
    ? Wire<U>[]
    : T extends object
      ? { [K in keyof T as T[K] extends (...args: never[]) => unknown ? never : K]: Wire<T[K]> }
      : T;

type Common = Omit<Wire<Panel>, "type" | "targets" | "options" | "fieldConfig">;

type Chart = Common & {
  type: "timeseries";
  targets: Wire<prometheus.Dataquery>[];
  options: Wire<timeseries.Options>;
  fieldConfig: { defaults: Omit<Wire<FieldConfig>, "custom"> & { custom: Wire<timeseries.FieldConfig> }; overrides: [] };
};

type Text = Common & { type: "text"; options: Wire<text.Options> };

export const dashboard: Omit<Wire<Dashboard>, "panels"> & { panels: (Chart | Text)[] } = DASHBOARD;
