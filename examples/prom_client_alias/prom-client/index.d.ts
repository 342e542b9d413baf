export * from "@narthex/prometheus/prom-client";
// As prom-client's own declarations have it: a namespace of types too.
export * as default from "@narthex/prometheus/prom-client";
