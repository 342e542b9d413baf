export * from "@narthex/prometheus/prom-client";
export { default } from "@narthex/prometheus/prom-client";
// What `require()` returns.
export { default as "module.exports" } from "@narthex/prometheus/prom-client";
