/**
 * The normal distribution's integral and density in f32, for the exact GELU. WGSL has no erf: below |x|/sqrt 2 = 1 an
 * odd polynomial of degree 15, above it erfc as exp(-a^2) times a polynomial in t = 1 / (1 + a/2); both are our own
 * Chebyshev fits in float64. Error of erf in f32: 1e-7, of which the fits are under 1e-8. Negative x goes by erfc
 * directly, so that the tail keeps its relative accuracy (some 1e-6).
 */
export const NORMAL_WGSL = `
fn normalCdf(x: T) -> T {
  let a = min(abs(x) * 0.70710678, T(10.0));
  let u = a * a;
  let q = T(0.128379167) + u * (T(-0.376126385) + u * (T(0.112837826) + u * (T(-0.0268654383)
    + u * (T(0.00522105341) + u * (T(-0.000848439651) + u * (T(0.000112682536) + u * T(-9.67359003e-06)))))));
  let near = a + a * q;
  let t = T(1.0) / (T(1.0) + 0.5 * a);
  let r = T(0.282087478) + t * (T(0.282309581) + t * (T(0.244153704) + t * (T(0.194881909) + t * (T(0.00538542138)
    + t * (T(0.201262017) + t * (T(-0.379827459) + t * (T(0.203562868) + t * T(-0.0335715663))))))));
  let erfc = select(exp(-u) * t * r, T(1.0) - near, a < T(1.0));
  return select(T(1.0) - 0.5 * erfc, 0.5 * erfc, x < T(0.0));
}
fn normalPdf(x: T) -> T {
  let a = min(abs(x), T(14.0));
  return 0.39894228 * exp(-0.5 * a * a);
}
fn gelu(x: T) -> T { return x * normalCdf(x); }
fn geluSlope(x: T) -> T { return normalCdf(x) + x * normalPdf(x); }
`;
