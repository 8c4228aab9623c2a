import { DeviceError, formatDevice } from '../device.js';
import { inAdapterOrder } from './adapter-order.js';
import { driverManifests } from './driver-manifests.js';
import { hidingEnvironments, type EnvironmentChange } from './hiding-environments.js';
import { listVulkanDevices, type VulkanDevice } from './list-vulkan-devices.js';

/** Dawn looks at the devices once in a process. */
let exposedIndex: number | undefined;

/**
 * Makes the n-th adapter the one that ONNX Runtime takes: it always takes Dawn's first, so the others are hidden from
 * Vulkan by the process's environment, and what Vulkan then shows is checked.
 *
 * @throws DeviceError where there is no such adapter, the others cannot be hidden, or this process uses another one
 */
export function exposeAdapter(index: number): void {
  if (exposedIndex === index) return;
  if (exposedIndex !== undefined) {
    throw error(index, `this process runs on webgpu:${exposedIndex}, and a process has one WebGPU adapter.`);
  }
  if (process.platform === 'linux') exposeOnLinux(index);
  else if (index !== 0) throw error(index, 'choosing an adapter works on Linux only. Use `webgpu`.');
  exposedIndex = index;
}

function exposeOnLinux(index: number): void {
  const adapters = inAdapterOrder(listVulkanDevices());
  const wanted = adapters[index];
  if (wanted === undefined) {
    // Without any, ONNX Runtime's own error says more.
    if (index === 0) return;
    throw error(index, `there is no such adapter. ${describeAdapters(adapters)}`);
  }
  if (adapters.length === 1 || hideOthers(wanted) || index === 0) return;
  throw error(
    index,
    'the other adapters cannot be hidden from ONNX Runtime, which takes the first. Install Mesa’s device select ' +
      'layer (`apt-get install mesa-vulkan-drivers`), or run the worker in a container that has this GPU alone. ' +
      describeAdapters(adapters),
  );
}

function hideOthers(wanted: VulkanDevice): boolean {
  return hidingEnvironments(wanted, driverManifests()).some((change) => {
    const former = apply(change);
    const seen = listVulkanDevices();
    if (seen.length === 1 && seen[0]?.uuid === wanted.uuid) return true;
    apply(former);
    return false;
  });
}

/** Returns the change that takes it back. Node sets the variables of the process itself, where Vulkan reads them. */
function apply(change: EnvironmentChange): EnvironmentChange {
  const former = Object.fromEntries(Object.keys(change).map((name) => [name, process.env[name]]));
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  return former;
}

function describeAdapters(adapters: readonly VulkanDevice[]): string {
  if (adapters.length === 0) return 'Vulkan shows none.';
  return `There are: ${adapters.map(({ name }, index) => `webgpu:${index} (${name})`).join(', ')}.`;
}

function error(index: number, reason: string): DeviceError {
  return new DeviceError(formatDevice({ kind: 'webgpu', index }), reason);
}
