export * from "@narthex/prometheus/prom-client";
// As in prom-client's own declarations, the default export is also a namespace of types.
export * as default from "@narthex/prometheus/prom-client";
