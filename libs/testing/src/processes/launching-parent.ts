import { launchRedis } from '#queue';

/** A process that launches a Redis, says its process id, and lives until it is killed. */
const [dataDir = '', mode] = process.argv.slice(2);

const server = await launchRedis({ dataDir, mode: mode === 'embedded' ? mode : 'auto', nodeEnv: 'test' });
process.stdout.write(`${server.pid}\n`);
setInterval(() => {}, 1_000);
