import type { FoldedPiece } from "./folded_totals.ts";
import { type Changes, Ledger } from "./ledger.ts";
import type { Replica } from "./replica.ts";
import { Slices } from "./slices.ts";
import type {
  BatchMessage,
  FoldedMessage,
  LedgerMessage,
  Message,
  WantMessage,
} from "./workers_messages.ts";

/** How many batches are held back while the ledger that they belong to is on its way. */
const MAX_LATER = 1000;

/** What an exchange is told. */
export interface LedgerExchangeOptions {
  /** The session that it belongs to. */
  readonly node: string;
  readonly replica: Replica;
  readonly post: (message: Message) => void;
  /** After how long a silence an answer counts as lost, in milliseconds. */
  readonly timeoutMs: number;
}

/** A ledger that was asked for. */
interface Wanted {
  readonly from: string;
  /** When something was last heard of it. */
  at: number;
  /** What has arrived of it. */
  ledger: Ledger | undefined;
  pieces: number;
  /** Batches that came meanwhile. */
  readonly later: BatchMessage[];
}

/** The folded totals that were asked for. */
interface WantedFolded {
  readonly from: string;
  at: number;
  readonly pieces: FoldedPiece[];
}

/**
 * Repairs what an isolate has missed, since it began late, or was blocked for so long that
 * messages to it were dropped: it asks one of the others for whole ledgers.
 */
export class LedgerExchange {
  readonly #options: LedgerExchangeOptions;
  readonly #wanted: Map<string, Wanted> = new Map();
  #wantedFolded: WantedFolded | undefined = undefined;
  /** Ledgers of which the others have the totals only among those that they have folded. */
  readonly #unobtainable: Set<string> = new Set();
  readonly #sending: Set<Promise<void>> = new Set();

  constructor(options: LedgerExchangeOptions) {
    this.#options = options;
  }

  /** Resolves when everything is sent that was asked for. */
  async whenSent(): Promise<void> {
    await Promise.all(this.#sending);
  }

  /** Whether there is no use in waiting for a ledger. */
  isUnobtainable(id: string): boolean {
    return this.#unobtainable.has(id);
  }

  /** Whether the totals of those that have ended are on their way. */
  get waitsForFolded(): boolean {
    const wanted = this.#wantedFolded;
    // Whoever has them may have ended meanwhile.
    return wanted !== undefined && performance.now() - wanted.at <= this.#options.timeoutMs;
  }

  /** Asks a session for ledgers, but for those that are on their way, and for folded totals. */
  want(from: string, ids: readonly string[], wantsFolded = false): void {
    const { node, timeoutMs, post } = this.#options;
    const now = performance.now();
    const isLost = (wanted: { at: number } | undefined): boolean =>
      wanted === undefined || now - wanted.at > timeoutMs;
    const missing = ids.filter((id) => isLost(this.#wanted.get(id)));
    for (const id of missing) {
      const later = this.#wanted.get(id)?.later ?? [];
      this.#wanted.set(id, { from, at: now, ledger: undefined, pieces: 0, later });
    }
    const asksFolded = wantsFolded && isLost(this.#wantedFolded);
    if (asksFolded) this.#wantedFolded = { from, at: now, pieces: [] };
    if (missing.length === 0 && !asksFolded) return;
    post({ kind: "want", from: node, to: from, ids: missing, wantsFolded: asksFolded });
  }

  /** Takes a batch in, now or when what comes before it has arrived. */
  takeBatch(message: BatchMessage): void {
    const { replica } = this.#options;
    const { head, sequence, changes, from } = message;
    if (replica.isFolded(head.id)) return;
    const known = replica.sequenceOf(head.id);
    if (known === undefined && sequence === 0) {
      replica.begin(head);
      return;
    }
    if (known !== undefined && sequence <= known) return;
    if (known !== undefined && sequence === known + 1) {
      replica.take(replica.begin(head), sequence, changes);
      return;
    }
    this.want(from, [head.id]);
    const later = this.#wanted.get(head.id)?.later;
    if (later !== undefined && later.length < MAX_LATER) later.push(message);
  }

  /** Takes a piece of a ledger in. */
  takeLedger(message: LedgerMessage): void {
    const { replica } = this.#options;
    const { head, from, index, sequence, changes, isLast } = message;
    const wanted = this.#wanted.get(head.id);
    if (wanted === undefined || wanted.from !== from) return;
    if (index === 0) {
      wanted.ledger = new Ledger(head, performance.now() - message.silentMs);
      wanted.ledger.sequence = sequence;
      wanted.pieces = 0;
    }
    const { ledger } = wanted;
    // A piece that is missing cannot be asked for: the whole is, with the next question.
    // It may come while pieces of a former answer, of another moment, are still on their way.
    if (ledger?.sequence !== sequence || index !== wanted.pieces) return;
    wanted.pieces++;
    wanted.at = performance.now();
    ledger.apply(changes);
    if (!isLast) return;
    ledger.last = message.last;
    this.#wanted.delete(head.id);
    if (message.isFolded && !replica.isFolded(head.id)) {
      // Without its totals it would make those fall that are shown.
      this.#unobtainable.add(head.id);
      this.want(from, [], true);
      return;
    }
    this.#unobtainable.delete(head.id);
    if ((replica.ledgers.get(head.id)?.sequence ?? -1) < sequence) replica.adopt(ledger);
    for (const batch of wanted.later) this.takeBatch(batch);
  }

  /**
   * Takes a piece of the folded totals in.
   *
   * @returns Whether they are complete.
   */
  takeFolded({ from, ids, sequences, index, isLast, piece }: FoldedMessage): boolean {
    const { replica } = this.#options;
    const wanted = this.#wantedFolded;
    if (wanted === undefined || wanted.from !== from || index !== wanted.pieces.length) {
      return false;
    }
    wanted.pieces.push(piece);
    wanted.at = performance.now();
    if (!isLast) return false;
    this.#wantedFolded = undefined;
    replica.whenUnread(() => {
      replica.adoptFolded(ids, sequences, wanted.pieces);
      for (const id of ids) if (replica.isFolded(id)) this.#unobtainable.delete(id);
    });
    return true;
  }

  /** Sends what was asked for, in pieces, with pauses. */
  send(message: WantMessage): void {
    // A channel that is closed meanwhile is no failure of anybody.
    const sending = this.#send(message).catch(() => {}).finally(() => {
      this.#sending.delete(sending);
    });
    this.#sending.add(sending);
  }

  async #send({ from: to, ids, wantsFolded }: WantMessage): Promise<void> {
    const { node: from, replica, post } = this.#options;
    const slices = new Slices();
    if (wantsFolded) {
      // What is folded meanwhile would be in the sums, but not among the ids.
      const release = replica.hold();
      try {
        const folded = replica.foldedPieces();
        for (const { index, isLast, part: piece } of numbered(folded.pieces)) {
          const { ids, sequences } = isLast ? folded : { ids: [], sequences: new Float64Array() };
          post({ kind: "folded", from, to, ids, sequences, index, isLast, piece });
          if (slices.isOver) await slices.pause();
        }
      } finally {
        release();
      }
    }
    for (const id of ids) {
      const ledger = replica.ledgers.get(id);
      if (ledger === undefined) continue;
      const { head, sequence, last, seen } = ledger;
      const isFolded = replica.isFolded(id);
      const silentMs = performance.now() - seen;
      for (const { index, isLast, part: changes } of numbered<Changes>(ledger.pieces())) {
        const about = { head, sequence, last, isFolded, silentMs };
        post({ kind: "ledger", from, to, ...about, index, isLast, changes });
        if (slices.isOver) await slices.pause();
      }
    }
  }
}

/** Numbers the parts of something, and says which is the last. */
function* numbered<T>(parts: Iterable<T>): Generator<{ index: number; isLast: boolean; part: T }> {
  let index = 0;
  let former: { part: T } | undefined;
  for (const part of parts) {
    if (former !== undefined) yield { index: index++, isLast: false, part: former.part };
    former = { part };
  }
  if (former !== undefined) yield { index, isLast: true, part: former.part };
}
