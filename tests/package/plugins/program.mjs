/**
 * Uses plugins that were written for prom-client, unchanged, and prints their samples as JSON: the
 * names of plugins are the arguments. What a plugin stands on is what its package has as
 * `prom-client` or `@prometheus-io/client`.
 */
import { EventEmitter } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import process from "node:process";

const require = createRequire(import.meta.url);

/** Serves with a listener of node:http, asks for some paths, and stops. */
async function ask(listener, paths) {
  const server = createServer(listener);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const texts = [];
  for (const path of paths) texts.push(await (await fetch(url + path)).text());
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return texts.at(-1);
}

/** Samples that do not depend on the time, the machine and the process. */
function samplesOf(text) {
  return text.split("\n")
    .filter((line) => line !== "" && !/^(#|(opossum_)?(process|nodejs)_|narthex_)/.test(line))
    .map((line) => {
      const [, name, labels = "", value] = /^([\w:]+)(\{.*\})? (\S+)/.exec(line);
      const isCount = /_(count|total)$/.test(name) || /^up$/.test(name);
      const parts = (labels.slice(1, -1).match(/\w+="(?:[^"\\]|\\.)*"/g) ?? []).sort();
      return `${name}{${parts.join()}}${isCount ? ` ${value}` : ""}`;
    })
    .sort();
}

const PLUGINS = {
  async "express-prom-bundle"() {
    const express = require("express");
    const bundle = require("express-prom-bundle");
    const app = express();
    const transformLabels = (labels, request) => {
      labels.version = request.query.v ?? "none";
    };
    app.use(bundle({
      includeMethod: true,
      includePath: true,
      includeUp: true,
      customLabels: { version: null },
      transformLabels,
      promClient: { collectDefaultMetrics: {} },
    }));
    app.get("/users/:id", (_, response) => response.send("user"));
    return await ask(app, ["/users/1", "/users/2?v=2", "/none", "/metrics"]);
  },
  async "@willsoto/nestjs-prometheus"() {
    require("reflect-metadata");
    const { Module } = require("@nestjs/common");
    const { NestFactory } = require("@nestjs/core");
    const nest = require("@willsoto/nestjs-prometheus");
    const jobs = nest.makeCounterProvider({
      name: "jobs_total",
      help: "Jobs.",
      labelNames: ["queue"],
    });
    class App {}
    Module({
      imports: [nest.PrometheusModule.register({ defaultLabels: { app: "shop" } })],
      providers: [jobs, nest.makeHistogramProvider({ name: "work", help: "W.", buckets: [1, 2] })],
    })(App);
    const app = await NestFactory.create(App, { logger: false });
    await app.listen(0, "127.0.0.1");
    app.get(nest.getToken("jobs_total")).inc({ queue: "mail" }, 2);
    app.get(nest.getToken("work")).observe(1.5);
    const text = await (await fetch(`${await app.getUrl()}/metrics`)).text();
    await app.close();
    return text;
  },
  async "fastify-metrics"() {
    const { default: fastify } = await import("fastify");
    const { default: metrics } = await import("fastify-metrics");
    const app = fastify();
    await app.register(metrics, { endpoint: "/metrics" });
    app.get("/users/:id", () => "user");
    for (const url of ["/users/1", "/users/2", "/none"]) await app.inject({ url });
    const { body } = await app.inject({ url: "/metrics" });
    await app.close();
    return body;
  },
  async "@hono/prometheus"() {
    const { Hono } = await import("hono");
    const { prometheus } = await import("@hono/prometheus");
    const { printMetrics, registerMetrics } = prometheus();
    const app = new Hono();
    app.use("*", registerMetrics);
    app.get("/metrics", printMetrics);
    app.get("/users/:id", (context) => context.text("user"));
    for (const path of ["/users/1", "/users/2", "/none"]) await app.request(path);
    return await (await app.request("/metrics")).text();
  },
  async "prometheus-api-metrics"() {
    const express = require("express");
    const metrics = require("prometheus-api-metrics");
    const app = express();
    app.use(metrics({ metricsPath: "/metrics" }));
    app.get("/users/:id", (_, response) => response.send("user"));
    return await ask(app, ["/users/1", "/users/2", "/metrics"]);
  },
  async "@graphql-yoga/plugin-prometheus"() {
    const { createSchema, createYoga } = require("graphql-yoga");
    const { usePrometheus } = require("@graphql-yoga/plugin-prometheus");
    const yoga = createYoga({
      schema: createSchema({
        typeDefs: "type Query { hi: String }",
        resolvers: { Query: { hi: () => "hi" } },
      }),
      plugins: [
        usePrometheus({ endpoint: "/metrics", http: true, execute: true, requestCount: true }),
      ],
      logging: false,
    });
    for (const query of ["{ hi }", "query Named { hi }"]) {
      await (await yoga.fetch("http://x/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query }),
      })).text();
    }
    return await (await yoga.fetch("http://x/metrics")).text();
  },
  async "opossum-prometheus"() {
    const CircuitBreaker = require("opossum");
    const Metrics = require("opossum-prometheus");
    const breaker = new CircuitBreaker(async (fails) => {
      if (fails) throw new Error("fails");
      return 1;
    }, { name: "shop" });
    const metrics = new Metrics({ circuits: [breaker] });
    await breaker.fire(false);
    await breaker.fire(true).catch(() => {});
    const text = await metrics.metrics;
    breaker.shutdown();
    return text;
  },
  async kafkajs() {
    const { monitorKafkaJSProducer } = require("@christiangalsterer/kafkajs-prometheus-exporter");
    const { Kafka } = require("kafkajs");
    const { register } = require("prom-client");
    const producer = new Kafka({ brokers: ["127.0.0.1:1"], logLevel: 0, retry: { retries: 0 } })
      .producer();
    monitorKafkaJSProducer(producer, register, { defaultLabels: { app: "shop" } });
    await producer.connect().catch(() => {});
    return await register.metrics();
  },
  async pg() {
    const { monitorPgPool } = require("@christiangalsterer/node-postgres-prometheus-exporter");
    const { register } = require("prom-client");
    const pool = Object.assign(new EventEmitter(), {
      options: { host: "db", port: 5432, database: "shop", max: 10 },
      totalCount: 3,
      idleCount: 2,
      waitingCount: 1,
    });
    monitorPgPool(pool, register);
    for (const event of ["connect", "connect", "remove"]) pool.emit(event, {});
    pool.emit("error", new Error("lost"), {});
    return await register.metrics();
  },
  async "elysia-prometheus"() {
    const { Elysia } = await import("elysia");
    const { default: prometheus } = await import("elysia-prometheus");
    const app = new Elysia().use(prometheus({ metricsPath: "/metrics" }))
      .get("/users/:id", () => "user")
      .listen({ port: 0, hostname: "127.0.0.1" });
    const url = `http://127.0.0.1:${app.server.port}`;
    for (const path of ["/users/1", "/users/2"]) await (await fetch(url + path)).text();
    const text = await (await fetch(`${url}/metrics`)).text();
    await app.stop(true);
    return text;
  },
};

/** What `metricsHandler()` says, where this library stands behind the plugin. */
async function handlerText() {
  const narthex = await import("@narthex/prometheus").catch(() => undefined);
  if (narthex === undefined) return undefined;
  return await (await narthex.metricsHandler()(new Request("http://x/metrics"))).text();
}

const results = {};
for (const name of process.argv.slice(2)) {
  const register = require("prom-client").register;
  try {
    const text = await PLUGINS[name]();
    const other = await handlerText();
    results[name] = {
      samples: samplesOf(text),
      handler: other === undefined ? null : samplesOf(other),
    };
  } catch (error) {
    results[name] = { error: String(error.stack ?? error) };
  }
  register.clear();
}
console.log(JSON.stringify(results));
process.exit(0);
