import { expect, it } from 'vitest';
import { factsOf } from './job-facts.fixture.js';
import { judgeSubmissions } from './judge-submissions.js';

const listed = { id: 'job_1', submission: 'submission-1' };
const twin = { id: 'job_2', submission: 'submission-1' };
const stranger = { id: 'job_3', submission: 'submission-2' };

it('one job of each submission is as it should be, also of one whose acknowledgement never came', () => {
  expect(judgeSubmissions([factsOf()], [listed, stranger], 2)).toEqual([]);
});

it('a second job of a submission is doubled', () => {
  expect(judgeSubmissions([factsOf()], [listed, twin], 2)).toMatchObject([
    { kind: 'doubled', jobId: 'job_2' },
  ]);
});

it('more ends than jobs are doubled', () => {
  expect(judgeSubmissions([factsOf()], [listed], 2)).toMatchObject([{ kind: 'doubled' }]);
});
