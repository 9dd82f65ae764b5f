#!/usr/bin/env bash
# On the machine with the GPU: unpacks Node and Dawn beside this script, finds the Vulkan loader and NVIDIA's driver for it, and
# runs the check. Options and output are those of `npm run gpu`: bash run.sh >gpu.json 2>gpu.log
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

unpack() { # FILE.xz, where it is not unpacked yet
  local file=${1%.xz}
  [ -e "$1" ] && [ ! -e "$file" ] || return 0
  xz -dc "$1" >"$file.part" 2>/dev/null ||
    python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer)' "$1" >"$file.part"
  mv "$file.part" "$file"
}
unpack node.xz
unpack node_modules/webgpu/dist/linux-x64/dawn.node.xz
chmod +x node

# The loader of the packages that came along, where the system has none. Nothing is installed.
if ! ldconfig -p 2>/dev/null | grep -q libvulkan.so.1; then
  for package in packages/*.deb; do
    if [ -e "$package" ]; then dpkg -x "$package" loader; fi
  done
  export LD_LIBRARY_PATH=$here/loader/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
# Containers often have NVIDIA's driver without the file that tells the loader about it, or with it in an unusual place.
if [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] && ! ls /etc/vulkan/icd.d/nvidia* /usr/share/vulkan/icd.d/nvidia* >/dev/null 2>&1; then
  for icd in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json "$here/nvidia_icd.json"; do
    if [ -e "$icd" ]; then
      export VK_DRIVER_FILES=$icd
      break
    fi
  done
fi
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
if command -v nvidia-smi >/dev/null; then
  nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,memory.total --format=csv,noheader >&2 || true
fi
exec ./node dist-tools/gpu_check.mjs "$@"
