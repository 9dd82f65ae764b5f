/**
 * What an adapter's f16 arithmetic does at its edges. WGSL lets a GPU flush subnormals to zero; one that does loses small
 * gradients in sums that are formed in halves, and no CPU adapter would show it. By WebGPU alone, as the device is asked
 * before anything else runs on it.
 */

export interface Halves {
  /** 2^-10 x 2^-10 is 2^-20, not zero. */
  productKept: boolean;
  /** 2^-16 + 2^-20, both subnormal, is their sum. */
  sumKept: boolean;
  /** 255 x 258 is over the largest half and gives infinity, which the loss scale waits for. */
  overflowIsInfinite: boolean;
  /** The three results, as text: JSON has no infinity. */
  values: string[];
}

const INPUT = Float32Array.of(2 ** -10, 2 ** -10, 2 ** -16, 2 ** -20, 255, 258);

const WGSL = `enable f16;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1)
fn main() {
  y[0] = f32(f16(x[0]) * f16(x[1]));
  y[1] = f32(f16(x[2]) + f16(x[3]));
  y[2] = f32(f16(x[4]) * f16(x[5]));
}`;

/** Of a device with `shader-f16`. Rejects where the device is lost meanwhile. */
export async function probeHalves(device: GPUDevice): Promise<Halves> {
  const x = device.createBuffer({
    size: INPUT.byteLength,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  const y = device.createBuffer({ size: 12, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const back = device.createBuffer({ size: 12, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  try {
    device.queue.writeBuffer(x, 0, INPUT);
    const pipeline = await device.createComputePipelineAsync({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code: WGSL }), entryPoint: 'main' },
    });
    const entries = [x, y].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(y, 0, back, 0, 12);
    device.queue.submit([encoder.finish()]);
    await back.mapAsync(GPUMapMode.READ);
    return halvesOf(new Float32Array(back.getMappedRange().slice(0)));
  } finally {
    for (const buffer of [x, y, back]) buffer.destroy();
  }
}

/** From the three results. */
export function halvesOf([product, sum, overflow]: Float32Array): Halves {
  return {
    productKept: product === 2 ** -20,
    sumKept: sum === 2 ** -16 + 2 ** -20,
    overflowIsInfinite: overflow === Infinity,
    values: [product, sum, overflow].map(String),
  };
}

/** Whether products of halves may be summed in halves: nothing small is lost, and what is too large shows. */
export function halvesHold({ productKept, sumKept, overflowIsInfinite }: Halves): boolean {
  return productKept && sumKept && overflowIsInfinite;
}
