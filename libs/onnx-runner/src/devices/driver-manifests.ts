import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where packages and administrators put the manifests of Vulkan drivers on Linux. */
const FOLDERS = ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d'];

/** Paths of the Vulkan driver manifests that the loader would read. */
export function driverManifests(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const chosen = env['VK_DRIVER_FILES'] ?? env['VK_ICD_FILENAMES'];
  if (chosen !== undefined && chosen !== '') return chosen.split(':').filter((path) => path !== '');
  return FOLDERS.flatMap(manifestsIn);
}

function manifestsIn(folder: string): readonly string[] {
  try {
    const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
    return files.toSorted().map((file) => join(folder, file));
  } catch {
    return [];
  }
}
