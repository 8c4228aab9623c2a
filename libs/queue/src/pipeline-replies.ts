import type { ChainableCommander } from 'ioredis';
import { storedValue } from './stored-value.js';

/**
 * Sends the commands of a pipeline together; resolves with their replies in order.
 * @throws the error of the first command that failed
 */
export async function pipelineReplies<T extends readonly unknown[]>(
  pipeline: ChainableCommander,
): Promise<T> {
  const replies = (await pipeline.exec()) ?? [];
  return storedValue<T>(
    replies.map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    }),
  );
}
