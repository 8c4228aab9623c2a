import { expect, it } from 'vitest';
import { allowedMethods } from './route-table.js';

const routes = [
  { method: 'GET', path: '/v1/jobs' },
  { method: 'POST', path: '/v1/jobs' },
  { method: 'DELETE', path: '/v1/jobs/:id' },
  { method: 'GET', path: '/v1/jobs/:id/events' },
];

it.each([
  ['/v1/jobs', ['GET', 'POST']],
  ['/v1/jobs/', []],
  ['/v1/jobs//events', []],
  ['/v1/jobs/job_1', ['DELETE']],
  ['/v1/jobs/job_1/events', ['GET']],
  ['/v1/jobs/job_1/other', []],
  ['/', []],
])('%s takes %j', (path, methods) => {
  expect(allowedMethods(routes, path)).toEqual(methods);
});
