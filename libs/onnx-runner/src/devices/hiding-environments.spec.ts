import { expect, it } from 'vitest';
import { hidingEnvironments } from './hiding-environments.js';

const NUMBERS = { vendorId: 0x10de, deviceId: 0x2330 };

it('a GPU on a PCI bus is asked for by its address first, which no other GPU shares', () => {
  const [first, second] = hidingEnvironments({ ...NUMBERS, pciAddress: '0000:65:00.0' }, []);
  expect(first).toMatchObject({ DRI_PRIME: 'pci-0000_65_00_0', MESA_VK_DEVICE_SELECT: undefined });
  expect(second).toMatchObject({ MESA_VK_DEVICE_SELECT: '10de:2330', DRI_PRIME: undefined });
});

it('without an address it is asked for by vendor and device, then by each driver alone', () => {
  const changes = hidingEnvironments({ ...NUMBERS, pciAddress: null }, ['/a.json', '/b.json']);
  expect(changes).toEqual([
    {
      MESA_VK_DEVICE_SELECT: '10de:2330',
      MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1',
      DRI_PRIME: undefined,
    },
    { VK_DRIVER_FILES: '/a.json', VK_ICD_FILENAMES: '/a.json' },
    { VK_DRIVER_FILES: '/b.json', VK_ICD_FILENAMES: '/b.json' },
  ]);
});
