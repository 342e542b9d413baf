import { testBackend } from "../support/backend_contract.ts";
import { findProgram, testWithPrograms } from "../support/programs.ts";
import { CLIENTS, startRedis } from "../support/redis.ts";
import { redisBackend } from "../../multiprocess/redis.ts";

const NEEDED = ["redis-server", "redis-cli"];
const hasRedis = NEEDED.every((program) => findProgram(program) !== undefined);

for (const [name, connect] of Object.entries(CLIENTS)) {
  if (!hasRedis) {
    testWithPrograms(NEEDED, `Redis through ${name}: all that a backend promises`, async () => {});
    continue;
  }
  testBackend(`Redis through ${name}`, async () => {
    const server = await startRedis();
    const client = await connect(server.port);
    return {
      backend: () => redisBackend(client.command),
      async [Symbol.asyncDispose]() {
        client[Symbol.dispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  });
}
