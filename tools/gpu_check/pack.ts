/**
 * `npm run gpu:pack`: what a bare x86-64 Linux machine with an NVIDIA GPU needs to run the check, as one folder of some 40 MB:
 * Node, Dawn, the Vulkan loader, the bundled check, the reference's numbers, and run.sh. Made on x86-64 Linux.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../bundle';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..');
const DAWN = 'node_modules/webgpu';
const GOLDENS = ['tiny-sd15', 'text', 'vae', 'unet', 'lora_init', 'grads', 'steps'];
/** The Vulkan loader, and what NVIDIA's driver asks for where there is no screen. */
const PACKAGES = ['libvulkan1', 'libegl1', 'libglvnd0', 'libopengl0', 'libgl1', 'libglx0', 'libgles2'];

/** Makes the folder anew. Throws where something indispensable is missing; the loader's packages are not. */
export async function pack(into: string, warn: (line: string) => void): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('The pack holds this Node: make it on x86-64 Linux.');
  rmSync(into, { recursive: true, force: true });
  const folder = (...path: string[]) => {
    const made = join(into, ...path);
    mkdirSync(made, { recursive: true });
    return made;
  };
  await bundle('gpu_check', join(folder('dist-tools'), 'gpu_check.mjs'));
  rmSync(join(into, 'dist-tools', 'gpu_check.mjs.map'), { force: true });

  folder(DAWN, 'dist', 'linux-x64');
  for (const file of ['index.js', 'package.json', 'dist/linux-x64/dawn.node'])
    copyFileSync(join(ROOT, DAWN, file), join(into, DAWN, file));
  compress(join(into, DAWN, 'dist/linux-x64/dawn.node'), warn);
  copyFileSync(process.execPath, join(into, 'node'));
  chmodSync(join(into, 'node'), 0o755);
  spawnSync('strip', [join(into, 'node')]);
  compress(join(into, 'node'), warn);

  for (const name of GOLDENS) {
    const file = `reference/golden/${name}.safetensors`;
    cpSync(join(ROOT, file), join(into, file));
  }
  cpSync(join(ROOT, 'reference', 'bench_pytorch.py'), join(into, 'reference', 'bench_pytorch.py'));
  copyFileSync(join(HERE, 'run.sh'), join(into, 'run.sh'));
  writeFileSync(join(into, 'nvidia_icd.json'), `${JSON.stringify(NVIDIA_ICD, null, 2)}\n`);
  download(folder('packages'), warn);
}

/** What NVIDIA's own package puts in /etc/vulkan/icd.d. */
const NVIDIA_ICD = {
  file_format_version: '1.0.0',
  ICD: { library_path: 'libGLX_nvidia.so.0', api_version: '1.3.0' },
};

function compress(file: string, warn: (line: string) => void): void {
  if (spawnSync('xz', ['-T0', '-6', '-f', file]).status !== 0)
    warn(`${file} stays as it is: there is no xz (Debian: xz-utils).`);
}

/** For x86-64, from the sources of this system, with lists of its own: nothing of the system's is changed. */
function download(into: string, warn: (line: string) => void): void {
  const lists = mkdtempSync(join(tmpdir(), 'gpu-pack-'));
  mkdirSync(join(lists, 'partial'));
  const options = ['APT::Architecture=amd64', 'APT::Architectures=amd64', `Dir::State::Lists=${lists}`];
  const apt = (...args: string[]) =>
    spawnSync('apt-get', [...options.map((o) => `-o${o}`), ...args], { cwd: into }).status === 0;
  if (!apt('update') || !apt('download', ...PACKAGES))
    warn('The Vulkan loader could not be downloaded: the machine with the GPU has to have libvulkan1.');
  rmSync(lists, { recursive: true, force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const into = join(ROOT, 'dist-tools', 'gpu');
  await pack(into, (line) => console.error(line));
  console.log(`${into}: copy it there, then \`bash run.sh >gpu.json 2>gpu.log\`.`);
}
