import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

const LOOPBACK = '127.0.0.1';

interface Link {
  readonly near: Socket;
  readonly far: Socket;
}

type State = 'open' | 'cut' | 'silent';

/** A cable between a process and a port: it can be cut, or fall silent both ways or one without anybody noticing. */
export class TcpProxy {
  readonly #links = new Set<Link>();
  #state: State = 'open';

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
    readonly port: number,
  ) {
    server.on('connection', (near: Socket) => this.#join(near));
  }

  static async open(targetPort: number): Promise<TcpProxy> {
    const server = createServer();
    await once(server.listen(0, LOOPBACK), 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
    return new TcpProxy(server, targetPort, address.port);
  }

  /**
   * Ends every connection, and each new one, until `heal`. Not by a reset: Node.js 24 never closes a socket that is reset
   * while it shuts down, and then spins at the end of the process.
   */
  cut(): void {
    this.#state = 'cut';
    for (const { near, far } of this.#links) {
      near.destroy();
      far.destroy();
    }
  }

  /** Holds back whatever either side says, until `heal` delivers it. */
  silence(): void {
    this.#state = 'silent';
    for (const { near, far } of this.#links) {
      near.unpipe(far);
      far.unpipe(near);
    }
  }

  /** Holds back what the process says, and still delivers the answers to what it said before. */
  mute(): void {
    this.#state = 'silent';
    for (const { near, far } of this.#links) near.unpipe(far);
  }

  heal(): void {
    this.#state = 'open';
    for (const link of this.#links) {
      link.far.unpipe(link.near);
      flow(link);
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  #join(near: Socket): void {
    if (this.#state === 'cut') {
      near.destroy();
      return;
    }
    const far = connect(this.targetPort, LOOPBACK);
    const link = { near, far };
    this.#links.add(link);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.setNoDelay(true);
      // A connection that fails is closed too.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#links.delete(link);
        other.destroy();
      });
    }
    if (this.#state === 'open') flow(link);
  }
}

function flow({ near, far }: Link): void {
  near.pipe(far);
  far.pipe(near);
}
