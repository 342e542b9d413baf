import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestQueue } from "../../bridges/requests/request_queue.ts";

function request(size: number) {
  return { body: new Uint8Array(size), samples: size };
}

test("RequestQueue drops the oldest requests, except the one that is being sent", () => {
  const queue = new RequestQueue(10);
  for (const size of [4, 3, 3]) assert.deepEqual(queue.push(request(size)), []);
  assert.equal(queue.hasRoom(request(1)), false);
  queue.hold(queue.head);
  assert.deepEqual(queue.push(request(2)).map(({ number }) => number), [2]);
  assert.equal(queue.head?.number, 1);
  queue.hold(undefined);
  assert.deepEqual(queue.push(request(6)).map(({ number }) => number), [1, 3]);
  assert.equal(queue.bytes, 8);
  assert.equal(queue.last, 5);
});

test("RequestQueue drops a request that is larger than the limit", () => {
  const queue = new RequestQueue(10);
  queue.push(request(4));
  queue.hold(queue.head);
  assert.deepEqual(queue.push(request(11)).map(({ number }) => number), [2]);
  assert.deepEqual([queue.bytes, queue.head?.number], [4, 1]);
});

test("RequestQueue removes a request once", () => {
  const queue = new RequestQueue(10);
  queue.push(request(4));
  queue.push(request(5));
  const head = queue.head!;
  assert.equal(queue.remove(head), true);
  assert.equal(queue.remove(head), false);
  assert.equal(queue.bytes, 5);
  assert.equal(queue.clear().length, 1);
  assert.deepEqual([queue.bytes, queue.head], [0, undefined]);
});
