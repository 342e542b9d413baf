/** Declarations of plugins that name types of prom-client. */
import { prometheus } from "@hono/prometheus";
import { makeCounterProvider, PrometheusModule } from "@willsoto/nestjs-prometheus";
import promBundle from "express-prom-bundle";
import { Counter, register } from "prom-client";

promBundle({ includeMethod: true, promRegistry: register });
prometheus({ registry: register });
makeCounterProvider({ name: "n_total", help: "N.", labelNames: ["a"] });
PrometheusModule.register({ defaultLabels: { app: "shop" } });
new Counter({ name: "n_total", help: "N.", registers: [register] }).inc();
