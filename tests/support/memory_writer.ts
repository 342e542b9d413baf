/**
 * A worker that writes the same number to many rows, again and again, as fast as it can.
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import type { Row } from "../../multiprocess/mod.ts";
import { OwnMemory } from "../../multiprocess/workers/own_memory.ts";

const own = new OwnMemory({ id: "writer", process: "", node: "node" }, () => 1);
const adds = Array.from({ length: 300 }, (_, i): Row => {
  return { family: "f", series: `${i}`, numbers: [1] };
});
const batch = { families: [], adds, sets: [], deletes: [] };
for (let sequence = 1;; sequence++) {
  own.apply(batch);
  own.commit();
  // From here on the memory has room for everything.
  if (sequence === 3) parentPort!.postMessage(own.message);
}
