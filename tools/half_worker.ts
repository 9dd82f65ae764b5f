/** Asks a worker's adapter for shader-f16 and halves a few numbers with it. */
import type { WorkerMessage } from './browser_worker';

export interface HalfResult {
  adapter: string;
  features: string[];
  halves: number[];
}

const post = (message: WorkerMessage<HalfResult>) => postMessage(message);

const WGSL = `
enable f16;
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  // 2049 and 2051 have no f16 of their own: the rounding shows that these are halves.
  let h = f16(f32(2048u + id.x));
  y[id.x] = f32(h * f16(0.5));
}`;

async function halves(): Promise<HalfResult> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error('no adapter in this worker');
  const features = [...adapter.features].sort();
  const device = await adapter.requestDevice({ requiredFeatures: ['shader-f16'] });
  const module = device.createShaderModule({ code: WGSL });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const y = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const read = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: y } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(y, 0, read, 0, 16);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const { vendor, device: name, description } = adapter.info;
  return {
    adapter: description || name || vendor,
    features,
    halves: [...new Float32Array(read.getMappedRange())],
  };
}

halves().then(
  (result) => post({ result }),
  (error: unknown) => post({ failure: String(error) }),
);
