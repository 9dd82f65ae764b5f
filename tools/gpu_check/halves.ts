/**
 * What the adapter's f16 arithmetic does at its edges. WGSL lets a GPU flush subnormals to zero; one that does loses small
 * gradients in sums that are formed in halves, and no CPU adapter would show it.
 */
import { dispatch, program, read, upload } from '../../src/kernels/program';

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

/** Only on tiers with f16. */
export async function probeHalves(): Promise<Halves> {
  const x = upload(Float32Array.of(2 ** -10, 2 ** -10, 2 ** -16, 2 ** -20, 255, 258), [6], 'bench');
  const y = upload(new Float32Array(3), [3], 'bench');
  const probe = program('gpu-check-halves', () => ({
    inputs: { x: 'f32' },
    outputs: { y: 'f32' },
    f16: true,
    wgsl: `
@compute @workgroup_size(1)
fn main() {
  y[0] = f32(f16(x[0]) * f16(x[1]));
  y[1] = f32(f16(x[2]) + f16(x[3]));
  y[2] = f32(f16(x[4]) * f16(x[5]));
}`,
  }));
  dispatch(probe, [x, y], {}, [1, 1, 1]);
  const got = await read(y);
  x.dispose();
  y.dispose();
  return {
    productKept: got[0] === 2 ** -20,
    sumKept: got[1] === 2 ** -16 + 2 ** -20,
    overflowIsInfinite: got[2] === Infinity,
    values: [...got].map(String),
  };
}
