/** What keeps the jobs, as operators need to know it. */
export interface StoreFacts {
  readonly kind: 'redis' | 'valkey' | 'embedded-js';
  readonly version: string;
  /** Whether acknowledged jobs outlive a crash of the store (append-only file on). */
  readonly durable: boolean;
}

/** Reads the answer of Redis' `INFO`. The JavaScript server of the demo gives itself away by its event loop. */
export function describeStore(info: string): StoreFacts {
  const fields = new Map(info.split('\r\n').map((line) => splitField(line)));
  const isValkey = fields.get('server_name') === 'valkey';
  const isEmbedded = fields.get('multiplexing_api') === 'mock';
  return {
    kind: isEmbedded ? 'embedded-js' : isValkey ? 'valkey' : 'redis',
    version:
      (isValkey ? fields.get('valkey_version') : undefined) ?? fields.get('redis_version') ?? 'unknown',
    durable: fields.get('aof_enabled') === '1',
  };
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1)];
}
