import {
  Controller,
  Get,
  HttpCode,
  Module,
  Param,
  Post,
  UnauthorizedException,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter, type NestExpressApplication } from "@nestjs/platform-express";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import assert from "node:assert/strict";
import { test } from "node:test";
import "reflect-metadata";
import { httpMetrics as expressMetrics } from "../../collectors/http/express.ts";
import { httpMetrics as fastifyMetrics } from "../../collectors/http/fastify.ts";
import { CollectorRegistry } from "../../mod.ts";
import { fetchRaw } from "../support/fetch_server.ts";
import { until } from "../support/http.ts";
import { activeOf, BoomError, countsOf } from "../support/server_table.ts";

/** A controller. Its decorators are called below, because not every runtime parses them. */
class ItemsController {
  list(): string {
    return "items";
  }
  one(item: string): string {
    return `item ${item}`;
  }
  secret(): never {
    throw new UnauthorizedException();
  }
  broken(): never {
    throw new BoomError("no");
  }
  create(): string {
    return "created";
  }
}

class AppModule {}

/** Decorates a method of the controller. */
function method(name: keyof ItemsController, ...decorators: MethodDecorator[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(ItemsController.prototype, name)!;
  for (const decorate of decorators) decorate(ItemsController.prototype, name, descriptor);
}

Controller("api/:tenant/items")(ItemsController);
method("list", Get());
method("one", Get(":item"));
Param("item")(ItemsController.prototype, "one", 0);
method("secret", Get("own/secret"));
method("broken", Get("own/broken"));
method("create", Post(), HttpCode(202));
Module({ controllers: [ItemsController] })(AppModule);

/** Requests some paths of an app, and checks the counts. */
async function check(port: number, registry: CollectorRegistry): Promise<void> {
  const requests: [method: string, path: string, status: number][] = [
    ["GET", "/v1/api/acme/items", 200],
    ["GET", "/v1/api/acme/items/7", 200],
    ["HEAD", "/v1/api/acme/items/7", 200],
    ["POST", "/v1/api/acme/items", 202],
    ["GET", "/v1/api/acme/items/own/secret", 401],
    ["GET", "/v1/api/acme/items/own/broken", 500],
    ["GET", "/nowhere", 404],
  ];
  for (const [method, path, status] of requests) {
    const head = method === "POST"
      ? "Connection: close\r\nContent-Length: 0\r\n"
      : "Connection: close\r\n";
    assert.match(
      await fetchRaw(port, path, { method, head }),
      new RegExp(`^HTTP/1.1 ${status} `),
      `${method} ${path}`,
    );
  }
  await until(() => activeOf(registry) === 0);
  assert.deepEqual(countsOf(registry), {
    "GET 200 /v1/api/:tenant/items": 1,
    "GET 200 /v1/api/:tenant/items/:item": 1,
    "HEAD 200 /v1/api/:tenant/items/:item": 1,
    "POST 202 /v1/api/:tenant/items": 1,
    "GET 401 /v1/api/:tenant/items/own/secret": 1,
    "GET 500 /v1/api/:tenant/items/own/broken": 1,
    "GET 404 ": 1,
  });
}

/** Returns the port that an app listens on. */
const portOf = (url: string): number => Number(new URL(url).port);

test("NestJS on Express uses the routes of its controllers", async () => {
  const registry = new CollectorRegistry();
  const app = await NestFactory.create<NestExpressApplication>(AppModule, new ExpressAdapter(), {
    logger: false,
    forceCloseConnections: true,
  });
  app.use(expressMetrics({ registry }));
  app.setGlobalPrefix("v1");
  await app.listen(0, "127.0.0.1");
  try {
    await check(portOf(await app.getUrl()), registry);
  } finally {
    await app.close();
  }
});

test("NestJS on Fastify uses the routes of its controllers", async () => {
  const registry = new CollectorRegistry();
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
    logger: false,
    forceCloseConnections: true,
  });
  await app.register(fastifyMetrics, { registry });
  app.setGlobalPrefix("v1");
  await app.listen(0, "127.0.0.1");
  try {
    await check(portOf(await app.getUrl()), registry);
  } finally {
    await app.close();
  }
});
