import { SCORE_OF_PRIORITY } from '../line-heads.js';
import { jobScript } from './redis-script.js';

/**
 * Moves a waiting job to the end of a better class. Its record and BullMQ's job keep the priority that was asked for.
 *
 * KEYS 9 BullMQ prioritized · 10 BullMQ counter of jobs
 * ARGV 3 class that it waits in · 4 better class
 * Returns 'aged', or 'unchanged' where it does not wait there any more.
 */
export const ageScript = jobScript(`
local score = redis.call('ZSCORE', KEYS[9], jobId)
if get('line') ~= ARGV[3] or not score then return 'unchanged' end
if math.floor(score / ${SCORE_OF_PRIORITY}) ~= tonumber(ARGV[3]) then return 'unchanged' end
local place = redis.call('INCR', KEYS[10]) % ${SCORE_OF_PRIORITY}
redis.call('ZADD', KEYS[9], integer(ARGV[4] * ${SCORE_OF_PRIORITY} + place), jobId)
lineUp(ARGV[4])
return 'aged'
`);
