import { DroverError } from '#contracts';
import type { DestinationWall } from '#webhooks';

/**
 * Refuses a URL that no delivery could reach: better told now than in a delivery log later. What a name resolves to
 * is judged by each connection.
 * @param param the field of the request that holds it
 * @throws DroverError `invalid_value`
 */
export function requireDestination(wall: DestinationWall, url: string, param: string): void {
  const refusal = wall.refusalOf(url);
  if (refusal === null) return;
  throw new DroverError('invalid_value', `\`${param}\` cannot take webhooks: ${refusal}.`, { param });
}
