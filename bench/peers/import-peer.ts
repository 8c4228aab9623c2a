import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PEERS_FOLDER } from './install-peers.js';

/** A package of the peers' own folder, which the product does not know. @throws where it is not installed. */
export async function importPeer<T>(name: string): Promise<T> {
  const require = createRequire(join(process.cwd(), PEERS_FOLDER, 'package.json'));
  const module: T = await import(pathToFileURL(require.resolve(name)).href);
  return module;
}
