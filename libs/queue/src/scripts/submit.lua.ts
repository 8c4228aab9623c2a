import { jobScript } from './redis-script.js';

/**
 * Stores a new job's record, before BullMQ hears of the job.
 *
 * KEYS 9 tenant's jobs · 10 known queues
 * ARGV 3 most waiting jobs · 4 most waiting tokens · 5 tokens of this one · 6 review at (ms) · 7 queue member
 * · 8… record fields and values
 * Returns {'stored'}, {'full', waiting jobs, waiting tokens} or, for an id that exists, {'known', record}.
 */
export const submitScript = jobScript(`
if redis.call('EXISTS', record) == 1 then return { 'known', all() } end
local full = refusalOf(ARGV[5], ARGV[3], ARGV[4])
if full then return full end
set(unpack(ARGV, 8))
accountFor(nil, 'queued')
redis.call('ZADD', KEYS[9], 0, jobId)
watchAt(ARGV[6])
redis.call('SADD', KEYS[10], ARGV[7])
emitStatus('0-1', 'queued', '0')
return { 'stored' }
`);

/**
 * Takes back a record whose job could not be handed to BullMQ.
 *
 * KEYS 9 tenant's jobs
 * ARGV 3 watch member
 * Returns {'removed'}, or {'kept', record} where BullMQ took the job after all and something happened to it.
 */
export const withdrawScript = jobScript(`
if get('status') ~= 'queued' or get('attempt') ~= '0' then return { 'kept', all() } end
leaveLine()
redis.call('DEL', record, stream)
redis.call('ZREM', KEYS[9], jobId)
redis.call('ZREM', watch, ARGV[3])
return { 'removed' }
`);
