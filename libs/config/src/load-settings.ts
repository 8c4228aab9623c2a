import { z } from 'zod';
import { apiEnvSchema, launcherEnvSchema, workerEnvSchema } from './env.schema.js';

export type ApiSettings = z.output<typeof apiEnvSchema>;
export type WorkerSettings = z.output<typeof workerEnvSchema>;
export type LauncherSettings = z.output<typeof launcherEnvSchema>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that is wrong; names the variable, what it is and what it may be. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

export const loadApiSettings = (env: Environment = process.env): ApiSettings => load(apiEnvSchema, env);
export const loadWorkerSettings = (env: Environment = process.env): WorkerSettings =>
  load(workerEnvSchema, env);
export const loadLauncherSettings = (env: Environment = process.env): LauncherSettings =>
  load(launcherEnvSchema, env);

function load<T extends z.ZodType>(schema: T, env: Environment): z.output<T> {
  // An empty variable means "unset": compose files write `NAME=` for what they leave to the default.
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.');
    return `  ${name}=${JSON.stringify(env[name])}: ${issue.message}`;
  });
  throw new SettingsError(`These environment variables are not valid:\n${lines.join('\n')}`);
}
