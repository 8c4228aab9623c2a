export { apiEnvSchema, launcherEnvSchema, workerEnvSchema } from './env.schema.js';
export {
  loadApiSettings,
  loadLauncherSettings,
  loadWorkerSettings,
  SettingsError,
  type ApiSettings,
  type Environment,
  type LauncherSettings,
  type WorkerSettings,
} from './load-settings.js';
