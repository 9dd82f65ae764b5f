/** Asks the browser for its graphics adapter and says what it is in plain data; starts no device and no worker. */
import type { AdapterFacts } from '../facts';

/** Undefined if the browser offers none. */
export async function askAdapter(gpu: GPU): Promise<AdapterFacts | undefined> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return undefined;
  const half = adapter.features.has('shader-f16');
  const subgroups = half && adapter.features.has('subgroups');
  const name = nameOf(adapter.info);
  return {
    adapter: name,
    vendor: adapter.info.vendor,
    tier: subgroups ? 'f16-subgroups' : half ? 'f16' : 'f32',
    software: adapter.info.isFallbackAdapter === true || isSoftware(name, adapter.info),
    limits: {
      maxBufferSize: adapter.limits.maxBufferSize,
      maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
    },
  };
}

/** As makers write themselves; browsers say it in lower case. */
const MAKERS: Readonly<Record<string, string>> = {
  nvidia: 'NVIDIA',
  amd: 'AMD',
  intel: 'Intel',
  apple: 'Apple',
  arm: 'Arm',
  qualcomm: 'Qualcomm',
  google: 'Google',
};

/** Browsers name the device in `description`, or only vendor and architecture where they guard privacy. */
function nameOf({ description, device, vendor, architecture }: GPUAdapterInfo): string {
  const family = architecture.charAt(0).toUpperCase() + architecture.slice(1);
  const words =
    description || device || `${Object.hasOwn(MAKERS, vendor) ? MAKERS[vendor] : vendor} ${family}`.trim();
  // Drivers put their own version behind the name: "NVIDIA GeForce RTX 3090/PCIe/SSE2".
  return words.split('/')[0].trim();
}

function isSoftware(name: string, { architecture }: GPUAdapterInfo): boolean {
  return /swiftshader|llvmpipe|lavapipe|basic render|warp|software/i.test(`${name} ${architecture}`);
}
