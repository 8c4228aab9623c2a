import type { CacheLimits, CacheManager, Departure, PlanLogits, Room } from '../ports/cache-manager.port.js';
import type { CacheSnapshot } from '../ports/cache-snapshot.js';
import type { PagedRow, PagedRunner } from '../ports/paged-runner.port.js';
import type { StepPlan } from '../scheduling/plan-step.js';
import type { Sequence } from '../sequence/sequence.js';
import { BlockPool } from './block-pool.js';
import { BlockTable } from './block-table.js';
import { claimedTokens } from './claimed-tokens.js';
import { isBlockComing, reusableTokens } from './coming-block.js';
import { chunkRuns, decodeRuns, isExact, type TokenRun } from './spell-plan.js';

/** Tokens of a step beside a decode of every sequence, so that a prompt always moves on. */
const TOKENS_BESIDE_ALL = 2;

/**
 * The cache of a runner that reads keys and values in place from a pool of blocks. Sequences that begin alike hold the
 * same blocks: a prefix is reused without a copy, and its memory counts once.
 */
export class BlockCacheManager implements CacheManager {
  readonly limits: CacheLimits;
  readonly reusesPrefixes: boolean;
  readonly #runner: PagedRunner;
  readonly #pool: BlockPool;
  readonly #tables = new Map<Sequence, BlockTable>();
  /** Whether the last step was: the chunks of others round by what ran beside them. */
  #ranExact = false;

  /**
   * @param wantsPrefixes false lets no sequence start from what another has computed
   * @throws RangeError where the runner's steps are too small for its sequences
   */
  constructor(runner: PagedRunner, wantsPrefixes: boolean) {
    const { blocks, blockTokens, sequences, stepTokens } = runner.info;
    if (stepTokens < sequences + TOKENS_BESIDE_ALL) {
      throw new RangeError(
        `\`stepTokens\` of the runner is ${stepTokens} for ${sequences} sequences, must be ` +
          `${sequences + TOKENS_BESIDE_ALL} or more.`,
      );
    }
    this.limits = { ...runner.info, cacheTokens: blocks * blockTokens };
    this.reusesPrefixes = wantsPrefixes;
    this.#runner = runner;
    this.#pool = new BlockPool(blocks, blockTokens);
  }

  admit(sequence: Sequence): Room {
    if (this.#tables.size >= this.limits.sequences || !this.#hasMemoryFor(sequence)) return 'no-room-now';
    this.#tables.set(sequence, new BlockTable(this.#pool));
    return 'granted';
  }

  reserve(sequence: Sequence, tokens: number): Room {
    return this.#tableOf(sequence).grow(sequence.processedTokens, tokens) ? 'granted' : 'no-room-now';
  }

  reuse(sequence: Sequence): number {
    const { processedTokens: start, request } = sequence;
    if (!this.reusesPrefixes || start % this.limits.blockTokens !== 0) return 0;
    const [text, most] = [textOf(sequence), reusableTokens(sequence)];
    const known = this.#pool.find(text, most);
    const tail = this.#pool.findTail(text, most);
    const end = this.#tableOf(sequence).share(known, tail, { start, repeatable: request.deterministic });
    return end - start;
  }

  isComing(sequence: Sequence, chunks: StepPlan<Sequence>['chunks']): boolean {
    // Whether a step is exact for another one's sake is not known while it is planned.
    const isPure = (other: Sequence) =>
      other.request.deterministic && this.#tableOf(other).pureTokens >= other.processedTokens;
    return this.reusesPrefixes && isBlockComing(sequence, chunks, this.limits.blockTokens, isPure);
  }

  async run(plan: StepPlan<Sequence>): Promise<PlanLogits> {
    const waiting = [...this.#tables.values()].filter(({ copy }) => copy !== null);
    // Without copies the run starts before this returns.
    if (waiting.length > 0) await this.#copyBlocks(waiting);
    const rows = [...decodeRuns(plan), ...chunkRuns(plan)].map((run) => this.#rowOf(run));
    this.#ranExact = isExact(plan);
    return this.#runner.run({ rows, exact: this.#ranExact });
  }

  keepChunk(sequence: Sequence, tokenCount: number): void {
    const { processedTokens, prefillTokenIds } = sequence;
    if (this.#ranExact) this.#tableOf(sequence).prefilled(processedTokens - tokenCount, processedTokens);
    this.#publish(sequence, prefillTokenIds.subarray(0, processedTokens));
  }

  release(sequence: Sequence, departure: Departure): void {
    const table = this.#tableOf(sequence);
    if (departure === 'failed') table.forgetOwn();
    else this.#publish(sequence, sequence.processedTokenIds());
    table.release();
    this.#tables.delete(sequence);
  }

  /** Blocks serve as well wherever they are. */
  compact(): void {}

  inspect(): CacheSnapshot {
    const { blocks, blockTokens } = this.#runner.info;
    const tables = Array.from(this.#tables, ([{ admission }, table]) => ({ admission, ...table.inspect() }));
    return { layout: 'blocks', blocks, blockTokens, tables, ...this.#pool.inspect() };
  }

  /** Makes the copies that tables wait for, all at once. Where that fails they are still to be made. */
  async #copyBlocks(waiting: readonly BlockTable[]): Promise<void> {
    await this.#runner.copyBlocks(waiting.map(({ copy }) => copy!));
    for (const table of waiting) table.copied();
  }

  #rowOf({ sequence, tokenIds, logitPositions }: TokenRun): PagedRow {
    const needsFull = sequence.generation.needsFullLogits(this.#runner.info.topLogits);
    return {
      blocks: this.#tableOf(sequence).covering(sequence.processedTokens + tokenIds.length),
      tokenIds,
      startPosition: sequence.processedTokens,
      logitPositions,
      logits: needsFull ? 'full' : 'top',
    };
  }

  #publish(sequence: Sequence, tokenIds: Int32Array): void {
    if (!this.reusesPrefixes) return;
    this.#tableOf(sequence).publish({ salt: sequence.request.cacheSalt, tokenIds });
  }

  /**
   * Whether the sequence can join the others and all of them grow for a while. Blocks that others hold of its beginning
   * are there already. One that is alone always has room.
   */
  #hasMemoryFor(sequence: Sequence): boolean {
    if (this.#tables.size === 0) return true;
    const { blocks: known } = this.#pool.find(textOf(sequence), reusableTokens(sequence));
    const shared = known.filter((block) => this.#pool.references(block) > 0).length;
    let wanted = this.#claimOf(sequence) - (this.reusesPrefixes ? shared : 0);
    for (const [other, { size }] of this.#tables) wanted += Math.max(0, this.#claimOf(other) - size);
    return wanted <= this.#pool.available;
  }

  #claimOf(sequence: Sequence): number {
    const { blockTokens } = this.limits;
    return Math.ceil(claimedTokens(sequence, blockTokens) / blockTokens);
  }

  #tableOf(sequence: Sequence): BlockTable {
    const table = this.#tables.get(sequence);
    if (table === undefined) throw new Error(`${sequence.request.id} is not in the cache. This is a bug.`);
    return table;
  }
}

/** The part of a sequence that is looked up: what runs in chunks. */
function textOf({ request, prefillTokenIds }: Sequence) {
  return { salt: request.cacheSalt, tokenIds: prefillTokenIds };
}
