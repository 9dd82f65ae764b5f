/** What a measurement ran on, apart from the adapter: for reports. */
import { createRequire } from 'node:module';
import { arch, cpus, platform, release } from 'node:os';

export interface Runtime {
  node: string;
  /** Of npm `webgpu`, which is Dawn; null where it does not say. */
  webgpu: string | null;
  platform: string;
  cpu: string;
  cores: number;
}

export function runtime(): Runtime {
  return {
    node: process.version,
    webgpu: webgpuVersion(),
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
  };
}

function webgpuVersion(): string | null {
  try {
    const { version } = createRequire(import.meta.url)('webgpu/package.json') as { version: string };
    return version;
  } catch {
    // Installed without its description: the numbers stand all the same.
    return null;
  }
}
