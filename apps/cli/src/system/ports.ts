import { once } from 'node:events';
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** A port that nobody uses now. Another program may take it before it is used. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, LOOPBACK), 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error(`no free port on ${LOOPBACK}`);
  return address.port;
}

/** Rejects with what to do when the API's port is taken. */
export async function requireFreePort(port: number, host: string): Promise<void> {
  const server = createServer();
  try {
    await once(server.listen(port, host), 'listening');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new Error(
      `The API cannot listen on ${host}:${port} (${code}). Set DROVER_API_PORT to another port, or 0 for a free one.`,
      { cause },
    );
  } finally {
    server.close();
  }
}
