import type { StorageError } from '../../model/errors.ts';
import type { SignedRequest } from '../../storage/object-store.ts';
import { answerError, codeOf, isStored } from './answer.ts';
import type { Answer } from './messages.ts';
import type { NodePart } from './node-part.ts';
import type { Exchanged, NodeUnit } from './node-unit.ts';
import { type DirectParts, beforeAgain } from './parts.ts';

/** A unit at work: with what, where, and its conversation. */
export interface UnderWay {
  readonly parts: DirectParts;
  readonly node: NodePart;
  readonly exchange: NodeUnit;
}

/** An item of a unit, and the request that it needs. */
export interface Item {
  readonly number: number;
  readonly key: string;
  readonly sign: () => Promise<SignedRequest>;
  readonly isDone: (answer: Answer) => boolean;
}

/**
 * Has the node send an item's request until it is done, signed anew each time, as long as it fails for passing reasons. Throws what
 * `answerError` makes of the last answer.
 */
export async function deliver({ parts, node, exchange }: UnderWay, item: Item, signal: AbortSignal): Promise<Exchanged> {
  let failures = 0;
  let bytes = 0;
  for (;;) {
    const request = await item.sign();
    const exchanged = await exchange.send(item.number, request);
    if (item.isDone(exchanged.answer)) {
      return exchanged;
    }
    // An object that has come further than the last time has not failed again.
    const got = exchanged.sum?.bytes ?? 0;
    failures = got > bytes ? 1 : failures + 1;
    bytes = Math.max(bytes, got);
    const error: StorageError = answerError(node.host, item.key, exchanged.answer);
    if (failures < parts.patience.attempts && (await parts.signer.renew(request, codeOf(exchanged.answer)))) {
      continue;
    }
    await beforeAgain(error, failures, parts.patience, signal);
  }
}

/** Has the node put what it has ready as an item; gives the etag. */
export async function put(under: UnderWay, item: Omit<Item, 'isDone'>, signal: AbortSignal): Promise<string> {
  const { answer } = await deliver(under, { ...item, isDone: isStored }, signal);
  return answer.etag;
}
