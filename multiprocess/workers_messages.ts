import type { FoldedPiece } from "./folded_totals.ts";
import type { Changes, LedgerHead } from "./ledger.ts";
import type { Knowledge } from "./replica.ts";

/** A batch of an instance; the one with number 0 says that it has joined. */
export interface BatchMessage {
  readonly kind: "batch";
  readonly from: string;
  readonly head: LedgerHead;
  readonly sequence: number;
  readonly changes: Changes;
}

/** An instance ends. */
export interface LeaveMessage {
  readonly kind: "leave";
  readonly from: string;
  readonly id: string;
  /** The number of its last batch. */
  readonly last: number;
}

/** Tells everybody what one knows, and asks what they know. */
export interface AskMessage {
  readonly kind: "ask";
  readonly from: string;
  /** Which question it is. */
  readonly nonce: number;
  readonly knowledge: Knowledge;
  /** Whether the asker has not learned yet what was counted before it began. */
  readonly isNew: boolean;
}

/** The answer to an {@linkcode AskMessage}. */
export interface AnswerMessage {
  readonly kind: "answer";
  readonly from: string;
  readonly to: string;
  readonly nonce: number;
  readonly knowledge: Knowledge;
  /** Whether the one who answers knows itself what was counted before. */
  readonly isNew: boolean;
  /** How many instances are folded there. */
  readonly foldedCount: number;
}

/** Asks one of the others for ledgers that it knows better, or for what it has folded. */
export interface WantMessage {
  readonly kind: "want";
  readonly from: string;
  readonly to: string;
  readonly ids: readonly string[];
  readonly wantsFolded: boolean;
}

/** A piece of a ledger. They come in order, and the last one makes it whole. */
export interface LedgerMessage {
  readonly kind: "ledger";
  readonly from: string;
  readonly to: string;
  readonly head: LedgerHead;
  readonly sequence: number;
  /** The number of the last batch that there will be, if it has left. */
  readonly last: number | undefined;
  /** Whether its totals are not here, but among the folded ones. */
  readonly isFolded: boolean;
  /** For how long the instance had been silent, in milliseconds. */
  readonly silentMs: number;
  readonly index: number;
  readonly isLast: boolean;
  readonly changes: Changes;
}

/** A piece of the totals of those that have ended. */
export interface FoldedMessage {
  readonly kind: "folded";
  readonly from: string;
  readonly to: string;
  /** Whose totals they are, with the last piece. */
  readonly ids: readonly string[];
  readonly sequences: Float64Array;
  readonly index: number;
  readonly isLast: boolean;
  readonly piece: FoldedPiece;
}

/** Whatever is said on the channel. `from` and `to` name sessions, not instances. */
export type Message =
  | BatchMessage
  | LeaveMessage
  | AskMessage
  | AnswerMessage
  | WantMessage
  | LedgerMessage
  | FoldedMessage;

/**
 * The version of the messages. It is a part of the channel's name: whoever speaks
 * otherwise is not heard at all.
 */
const VERSION = 1;

/** The name of the channel of a namespace. */
export function channelName(namespace: string): string {
  return `@narthex/prometheus/workers/${VERSION}/${JSON.stringify(namespace)}`;
}
