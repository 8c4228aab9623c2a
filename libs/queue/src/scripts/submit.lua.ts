import { jobScript } from './redis-script.js';

/**
 * Stores a new job's record, before BullMQ hears of the job.
 *
 * KEYS 9 tenant's jobs · 10 known queues · 11 BullMQ prioritized · 12 BullMQ wait
 * ARGV 3 most waiting jobs · 4 review at (ms) · 5 watch member · 6 queue member · 7… record fields and values
 * Returns {'stored'}, {'full', waiting} or, for an id that exists, {'known', record}.
 */
export const submitScript = jobScript(`
if redis.call('EXISTS', record) == 1 then return { 'known', all() } end
local waiting = redis.call('ZCARD', KEYS[11]) + redis.call('LLEN', KEYS[12])
if waiting >= tonumber(ARGV[3]) then return { 'full', waiting } end
redis.call('HSET', record, unpack(ARGV, 7))
redis.call('ZADD', KEYS[9], 0, jobId)
redis.call('ZADD', watch, ARGV[4], ARGV[5])
redis.call('SADD', KEYS[10], ARGV[6])
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
redis.call('DEL', record, stream)
redis.call('ZREM', KEYS[9], jobId)
redis.call('ZREM', watch, ARGV[3])
return { 'removed' }
`);
