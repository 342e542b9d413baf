/**
 * A service on [NestJS](https://nestjs.com), with request metrics by its own routes. It listens on
 * port 8000, unless the environment variable `PORT` names another one. Load
 * `http://localhost:8000/users/7` a few times, then `http://localhost:8000/metrics`. With the
 * adapter for Fastify, use `httpMetrics` of `@narthex/prometheus/fastify` instead. The decorators
 * are called as functions, so the file needs no compiler.
 *
 * - `node examples/nest.ts`
 * - `bun examples/nest.ts`
 * - `deno run --allow-net --allow-read --allow-env --allow-sys examples/nest.ts`
 *
 * @module
 */
import process from "node:process";
import { httpMetrics, metricsEndpoint } from "@narthex/prometheus/express";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import { Controller, Get, Module, Param } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter, type NestExpressApplication } from "@nestjs/platform-express";
import "reflect-metadata";

registerRuntimeMetrics();

/** Greets users. */
class UsersController {
  greet(id: string): string {
    return `Hello, user ${id}!\n`;
  }
}
const greet = Object.getOwnPropertyDescriptor(UsersController.prototype, "greet")!;
Controller("users")(UsersController);
Get(":id")(UsersController.prototype, "greet", greet);
Param("id")(UsersController.prototype, "greet", 0);

/** The only module. */
class AppModule {}
Module({ controllers: [UsersController] })(AppModule);

const app = await NestFactory.create<NestExpressApplication>(AppModule, new ExpressAdapter(), {
  logger: ["error"],
});
app.use(httpMetrics({ ignore: ["/metrics"] }));
app.use("/metrics", metricsEndpoint());

const port = Number(process.env["PORT"] ?? 8000);
await app.listen(port);
console.log(`Listening on http://localhost:${port}/`);

// Finishes open requests, then ends.
process.once("SIGTERM", () => app.close());
