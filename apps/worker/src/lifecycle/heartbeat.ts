import { HEARTBEAT_INTERVAL_MS, type WorkerHeartbeat } from '#contracts';

export interface HeartbeatParts {
  /** A fresh picture of this worker; called once per beat. */
  readonly takeReading: () => WorkerHeartbeat;
  /** Resolves with whether the registry has taken it. */
  readonly publish: (heartbeat: WorkerHeartbeat) => Promise<boolean>;
  readonly withdraw: () => Promise<void>;
  readonly onPublished: () => void;
  readonly onError: (error: unknown) => void;
}

/** Tells the registry about this worker every two seconds, from construction until `stop`. */
export class Heartbeat {
  private readonly timer: NodeJS.Timeout;
  private inFlight: Promise<void> | null = null;
  private stopped = false;

  constructor(private readonly parts: HeartbeatParts) {
    this.timer = setInterval(() => this.beat(), HEARTBEAT_INTERVAL_MS);
    this.timer.unref();
    this.beat();
  }

  /** Beats now, for news that should not wait. With Redis away one beat stays under way and none pile up behind it. */
  beat(): void {
    if (this.stopped) return;
    this.inFlight ??= this.publish().finally(() => {
      this.inFlight = null;
    });
  }

  /** Takes the worker out of the registry. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.inFlight;
    await this.parts.withdraw();
  }

  private async publish(): Promise<void> {
    try {
      if (await this.parts.publish(this.parts.takeReading())) this.parts.onPublished();
    } catch (error) {
      this.parts.onError(error);
    }
  }
}
