/**
 * onnxruntime in a browser's worker: which of its two builds is loaded, from files of our own origin. The one with a GPU
 * (16.8 MB) needs WebAssembly that can wait for promises (JSPI) and a GPU that is no software; the other (14.2 MB) runs
 * everywhere. onnxruntime's two further GPU builds are over the 25 MiB a file that some static hosts allow.
 */
import plainGlue from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import plainWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import gpuGlue from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import gpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import type { Runtime } from './runtime';

/** More gain nothing on models of this size, and the page wants some too. */
const mostThreads = 4;

export async function openRuntime(): Promise<Runtime> {
  const webgpu = 'Suspending' in WebAssembly && (await hasGpu());
  const ort = webgpu ? await import('onnxruntime-web/jspi') : await import('onnxruntime-web/wasm');
  const threads = globalThis.crossOriginIsolated
    ? Math.max(1, Math.min(mostThreads, Math.ceil(navigator.hardwareConcurrency / 2)))
    : 1;
  ort.env.wasm.numThreads = threads;
  // Addresses in full: what asks for them lies in a folder of its own.
  const at = (path: string) => new URL(path, globalThis.location.href).href;
  ort.env.wasm.wasmPaths = webgpu
    ? { mjs: at(gpuGlue), wasm: at(gpuWasm) }
    : { mjs: at(plainGlue), wasm: at(plainWasm) };
  return { ort, threads, webgpu };
}

async function hasGpu(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!adapter) return false;
  const { isFallbackAdapter, vendor, architecture, device, description } = adapter.info;
  const name = `${vendor} ${architecture} ${device} ${description}`;
  return (
    isFallbackAdapter !== true && !/swiftshader|llvmpipe|lavapipe|basic render|warp|software/i.test(name)
  );
}
