import { describe, expect, it } from 'vitest';
import type { JobView } from '#contracts';
import { figuresOf, sumMetric } from './figures.js';

function job(changes: Partial<JobView>): JobView {
  return {
    id: 'job_1',
    object: 'job',
    status: 'succeeded',
    model: 'drover-tiny',
    variant: '6_5',
    created_at: '2026-11-24T12:00:00.000Z',
    started_at: '2026-11-24T12:00:00.100Z',
    finished_at: '2026-11-24T12:00:01.000Z',
    attempt: 1,
    priority: 5,
    output: null,
    usage: {
      prompt_tokens: 5,
      completion_tokens: 20,
      total_tokens: 25,
      prompt_tokens_details: { cached_tokens: 0 },
    },
    timings: {
      queue_ms: 100,
      time_to_first_token_ms: 30,
      prefill_ms: 20,
      decode_ms: 500,
      total_ms: 1000,
      tokens_per_second: 40,
    },
    error: null,
    metadata: {},
    urls: { self: '', events: '', cancel: '' },
    ...changes,
  };
}

describe('the figures of a burst of jobs', () => {
  it('count all tokens over the time from the first submission to the last end', () => {
    const figures = figuresOf([job({}), job({ finished_at: '2026-11-24T12:00:02.000Z' })]);
    expect(figures).toMatchObject({ jobs: 2, completionTokens: 40, tokensPerSecond: 20 });
    expect(figures.queueMs).toEqual({ median: 100, max: 100 });
  });

  it('pass over jobs without timings', () => {
    const figures = figuresOf([job({ timings: null, usage: null }), job({})]);
    expect(figures).toMatchObject({ completionTokens: 20, timeToFirstTokenMs: { median: 30, max: 30 } });
  });
});

it('a metric is summed over its samples, and is not mistaken for one with a longer name', () => {
  const text = [
    '# TYPE drover_jobs_submitted_total counter',
    'drover_jobs_submitted_total{model="m",variant="6_5"} 3',
    'drover_jobs_submitted_total{model="m",variant="8_0"} 4',
    'drover_jobs_submitted_total_created 99',
    'drover_open_event_streams 2',
  ].join('\n');
  expect(sumMetric(text, 'drover_jobs_submitted_total')).toBe(7);
  expect(sumMetric(text, 'drover_jobs_submitted_total', 'variant="8_0"')).toBe(4);
  expect(sumMetric(text, 'drover_open_event_streams')).toBe(2);
  expect(sumMetric(text, 'drover_absent')).toBeUndefined();
});
