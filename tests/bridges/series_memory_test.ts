import fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeriesMemory } from "../../bridges/remote_write/series_memory.ts";

const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];

/** A series in a snapshot, with a text for its labels, and its own time if it has one. */
interface Noted {
  series: string;
  isNative: boolean;
  timestampMs: number | undefined;
}

/** Notes a snapshot. Returns the series to write, and the vanished ones. */
function note(
  memory: SeriesMemory,
  snapshot: readonly Noted[],
): { written: string[]; gone: string[] } {
  memory.begin();
  const written = snapshot.filter(({ series, isNative, timestampMs }) => {
    const bytes = encoder.encode(`before${series}behind`);
    return memory.note(bytes, 6, bytes.length - 6, isNative, timestampMs);
  }).map(({ series }) => series);
  const gone = [...memory.vanished()].map(({ labels, isNative }) =>
    `${decoder.decode(labels)} ${isNative}`
  );
  memory.end();
  return { written, gone };
}

test("SeriesMemory distinguishes new, repeated, old and vanished series", () => {
  const noted: fc.Arbitrary<Noted> = fc.record({
    series: fc.oneof(fc.integer({ max: 300, min: 0 }).map((i) => `series ${i}`), fc.string()),
    isNative: fc.boolean(),
    timestampMs: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 3 }),
  });
  const snapshots = fc.array(fc.array(noted, { maxLength: 200, size: "max" }), { maxLength: 5 });
  fc.assert(
    fc.property(snapshots, (snapshots) => {
      const memory = new SeriesMemory();
      let before = new Map<string, Noted>();
      for (const snapshot of snapshots) {
        const now = new Map<string, Noted>();
        const written: string[] = [];
        for (const one of snapshot) {
          const { series } = one;
          if (now.has(series)) continue;
          const last = one.timestampMs === undefined ? undefined : before.get(series)?.timestampMs;
          const isOld = last !== undefined && one.timestampMs! <= last;
          now.set(series, isOld ? { ...one, timestampMs: last } : one);
          if (!isOld) written.push(series);
        }
        const gone = [...before.values()]
          .filter(({ series, timestampMs }) => timestampMs === undefined && !now.has(series))
          .map(({ series, isNative }) => `${series} ${isNative}`);
        assert.deepEqual(note(memory, snapshot), { written, gone });
        before = now;
      }
    }),
    { numRuns: 50 },
  );
});

test("SeriesMemory keeps labels of any length and any bytes", () => {
  const memory = new SeriesMemory();
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
  memory.begin();
  assert.equal(memory.note(bytes, 0, bytes.length, true, undefined), true);
  assert.equal(memory.note(bytes, 0, bytes.length, true, undefined), false);
  assert.equal(memory.note(bytes, 0, bytes.length - 1, true, undefined), true);
  memory.end();
  memory.begin();
  const vanished = [...memory.vanished()];
  assert.deepEqual(vanished, [
    { labels: bytes, isNative: true },
    { labels: bytes.subarray(0, -1), isNative: true },
  ]);
});

test("SeriesMemory forgets an unfinished snapshot", () => {
  const memory = new SeriesMemory();
  const one = { series: "one", isNative: false, timestampMs: undefined };
  note(memory, [one]);
  memory.begin();
  memory.begin();
  assert.deepEqual(note(memory, [one]), { written: ["one"], gone: [] });
  assert.deepEqual(note(memory, []), { written: [], gone: ["one false"] });
});
