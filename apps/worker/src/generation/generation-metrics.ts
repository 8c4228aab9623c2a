import type { EngineFault, FinalJobStatus, JobRecord } from '#contracts';
import type { StepReport } from '#engine';
import type { WorkerMetrics } from '#observability';
import { cacheTokensOf, sequencesOf, type RunnerInfo } from '../lifecycle/runner-info.js';
import { TokenRate } from './token-rate.js';
import { WorkSpeeds } from './work-speeds.js';

/** Turns engine steps and job ends into the worker's metrics. */
export class GenerationMetrics {
  readonly speeds = new WorkSpeeds();
  private readonly tokenRate = new TokenRate();
  private cacheTokens = 0;
  private lastStepAtMs = 0;

  constructor(
    private readonly metrics: WorkerMetrics,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  modelLoaded(info: RunnerInfo): void {
    this.cacheTokens = cacheTokensOf(info);
    this.metrics.kvCacheCapacityTokens.set(this.cacheTokens);
    this.metrics.slots.set(sequencesOf(info));
    this.metrics.kvCacheBytes.set(info.kvCacheBytes);
  }

  stepDone(report: StepReport): void {
    const nowMs = this.nowMs();
    this.speeds.add(report);
    this.tokenRate.add(report.generatedTokens, nowMs);
    this.metrics.generatedTokens.inc(report.generatedTokens);
    this.metrics.promptTokens.inc(report.prefillTokens);
    this.metrics.resumedTokens.inc(report.replayedTokens);
    this.metrics.prefixQueryTokens.inc(report.prefixQueryTokens);
    this.metrics.prefixHitTokens.inc(report.prefixHitTokens);
    this.metrics.draftedTokens.inc(report.draftedTokens);
    this.metrics.acceptedTokens.inc(report.acceptedTokens);
    this.metrics.preemptions.inc(report.preemptions);
    this.metrics.slotsUsed.set(report.slotsUsed);
    this.metrics.kvCacheTokens.set(report.cachedTokens);
    this.metrics.kvCacheUsedRatio.set(report.cachedTokens / this.cacheTokens);
    this.metrics.stepSeconds.observe(report.stepMs / 1000);
    if (report.decodeRows > 0) this.decoded(report, nowMs);
    this.lastStepAtMs = nowMs;
  }

  /** A decoded row had its token before this one in the step before: rows decode in every step. */
  private decoded({ decodeRows, replayedRows }: StepReport, nowMs: number): void {
    this.metrics.batchRows.observe(decodeRows);
    const seconds = (nowMs - this.lastStepAtMs) / 1000;
    for (let row = 0; row < decodeRows - replayedRows; row += 1)
      this.metrics.interTokenSeconds.observe(seconds);
  }

  jobStarted(job: JobRecord): void {
    if (job.attempt !== 1 || job.startedAtMs === null) return;
    this.metrics.queueWaitSeconds.observe(secondsSince(job.createdAtMs, job.startedAtMs));
  }

  firstToken(job: JobRecord, atMs: number): void {
    this.metrics.timeToFirstTokenSeconds.observe(secondsSince(job.createdAtMs, atMs));
  }

  jobFinished(job: JobRecord, status: FinalJobStatus, finishedAtMs: number): void {
    this.metrics.jobsFinished.inc({ status });
    this.metrics.endToEndSeconds.observe({ status }, secondsSince(job.createdAtMs, finishedAtMs));
  }

  /** A failure of ours; the job is tried again, a few times. */
  attemptFailed(reason: EngineFault): void {
    this.metrics.attemptsFailed.inc({ reason });
  }

  lateWriteRefused(kind: 'append' | 'finish'): void {
    this.metrics.lateWrites.inc({ kind });
  }

  /** Brings the gauges that fall without a step up to date; to be called before a scrape. */
  sampleGauges(): void {
    this.metrics.tokensPerSecond.set(this.tokensPerSecond());
  }

  tokensPerSecond(): number {
    return this.tokenRate.perSecond(this.nowMs());
  }
}

/** Submission and end may be stamped by machines whose clocks differ a little. */
function secondsSince(fromMs: number, toMs: number): number {
  return Math.max(0, toMs - fromMs) / 1000;
}
