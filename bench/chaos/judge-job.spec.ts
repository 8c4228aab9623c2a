import { describe, expect, it } from 'vitest';
import { AUDIT, auditOf, factsOf, jobView, REFERENCE, streamOf, SUCCEEDED } from './job-facts.fixture.js';
import type { AuditedJob, JobFacts } from './job-facts.js';
import { judgeJob } from './judge-job.js';

const kindsOf = (facts: JobFacts, audit: AuditedJob = AUDIT) =>
  judgeJob(facts, audit, REFERENCE).map(({ kind }) => kind);

describe('a job as it should be', () => {
  it('has no finding, whether its client followed it or not', () => {
    expect(kindsOf(factsOf())).toEqual([]);
    expect(kindsOf(factsOf({ ends: [], stream: null }))).toEqual([]);
  });

  it('may be cancelled with the beginning of its text where its client asked for it', () => {
    const cancelled = jobView('cancelled', 'one tw', 'cancelled', 2);
    const asked = { ends: [cancelled], stream: streamOf('one tw', cancelled) };
    const audit = auditOf(cancelled, streamOf('one tw', cancelled));
    expect(kindsOf(factsOf({ ...asked, cancelAsked: true }), audit)).toEqual([]);
    expect(kindsOf(factsOf({ ...asked, cancelAsked: false }), audit)).toEqual(['lost']);
  });
});

describe('a lost job', () => {
  it('is one that the service does not know', () => {
    expect(kindsOf(factsOf(), auditOf(null, null))).toEqual(['lost']);
  });

  it.each(['failed', 'expired'] as const)(
    'is one that %s, which these faults are no reason for',
    (status) => {
      const ended = jobView(status, '');
      const facts = factsOf({ ends: [], stream: null });
      expect(kindsOf(facts, auditOf(ended, streamOf('', ended)))).toEqual(['lost']);
    },
  );
});

it.each(['queued', 'running'] as const)('a job that is still %s is stuck', (status) => {
  expect(kindsOf(factsOf({ ends: [], stream: null }), auditOf(jobView(status, ''), null))).toEqual(['stuck']);
});

describe('a doubled job', () => {
  it('answered its submission with two ids', () => {
    expect(kindsOf(factsOf({ acknowledgedIds: ['job_1', 'job_2'] }))).toEqual(['doubled']);
  });

  it('ended twice in one stream', () => {
    expect(kindsOf(factsOf({ stream: streamOf(REFERENCE.text, SUCCEEDED, SUCCEEDED) }))).toEqual(['doubled']);
  });

  it('was seen with another end than it has now', () => {
    const before = { ...SUCCEEDED, attempt: 2 };
    expect(kindsOf(factsOf({ ends: [before] }))).toEqual(['doubled']);
    expect(kindsOf(factsOf(), auditOf(SUCCEEDED, streamOf(REFERENCE.text, before)))).toEqual(['doubled']);
  });
});

describe('a differing job', () => {
  const withJob = (job: typeof SUCCEEDED, text: string) =>
    kindsOf(factsOf({ ends: [], stream: null }), auditOf(job, streamOf(text, job)));

  it('has another text, end or number of tokens than undisturbed', () => {
    expect(withJob(jobView('succeeded', 'one two four'), 'one two four')).toEqual(['differing']);
    expect(withJob(jobView('succeeded', REFERENCE.text, 'stop'), REFERENCE.text)).toEqual(['differing']);
    expect(withJob(jobView('succeeded', REFERENCE.text, 'length', 6), REFERENCE.text)).toEqual(['differing']);
  });

  it('was cancelled with a text that the request never gives', () => {
    const cancelled = jobView('cancelled', 'one one', 'cancelled');
    const facts = factsOf({ ends: [], stream: null, cancelAsked: true });
    expect(kindsOf(facts, auditOf(cancelled, streamOf('one one', cancelled)))).toEqual(['differing']);
  });

  it('is judged by its streams alone where its request gives another text each time', () => {
    const other = jobView('succeeded', 'six', 'stop', 1);
    const facts = factsOf({ ends: [], stream: null });
    const judge = (streamed: string) => judgeJob(facts, auditOf(other, streamOf(streamed, other)), null);
    expect(judge('six')).toEqual([]);
    expect(judge('sixsix')).toMatchObject([{ kind: 'differing' }]);
  });

  it.each(['one one two three', 'one three', ''])('was streamed as %j', (text) => {
    expect(kindsOf(factsOf({ stream: streamOf(text, SUCCEEDED) }))).toEqual(['differing']);
    expect(kindsOf(factsOf(), auditOf(SUCCEEDED, streamOf(text, SUCCEEDED)))).toEqual(['differing']);
  });

  it('has a stream without an end, or with events that repeat', () => {
    expect(kindsOf(factsOf({ stream: streamOf(REFERENCE.text) }))).toEqual(['differing']);
    const repeating = { ...streamOf(REFERENCE.text, SUCCEEDED), outOfOrder: ['1-2 after 1-2'] };
    expect(kindsOf(factsOf({ stream: repeating }))).toEqual(['differing']);
  });
});
