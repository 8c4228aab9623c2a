// The process behind `startEmbeddedRedis`: serves on the port given, says so in one line, and ends with its parent,
// whose end closes standard input.
import { createRedisServer } from 'js-redis-server';

const redis = await createRedisServer({ port: Number(process.argv[2] ?? 0) });

// The server writes each reply of a pipeline by itself; without this the system holds every second one back for
// about 40 ms (Nagle's algorithm against delayed acknowledgement).
redis.server.server.on('connection', (socket) => socket.setNoDelay(true));

process.stdout.write(`${JSON.stringify({ port: redis.port, pid: process.pid })}\n`);
process.stdin.resume();
process.stdin.once('close', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
