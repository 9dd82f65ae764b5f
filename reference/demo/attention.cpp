// Attention for heads of 8 numbers, float32, forward and backward: PyTorch's CPU kernel is made for wide heads, and half
// of a training step of the demo model would be spent in it. Keys and values are turned so that the inner loops run
// along the keys; a row of scores stays in the first-level cache and is made again in the backward pass.
#include <torch/extension.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using torch::Tensor;

constexpr int D = 8;
constexpr int LANES = 16;

// e^x for x <= 0, to 2e-7: inlined, so that it is computed for a whole vector at once (libmvec's is a call).
static inline float exponential(float x) {
  x = (x < -87.0f ? -87.0f : x) * 1.44269504f;
  const float whole = __builtin_rintf(x), f = x - whole;
  float p = 1.5403530e-4f;
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  const int32_t bits = ((int32_t)whole + 127) << 23;
  float power;
  __builtin_memcpy(&power, &bits, 4);
  return p * power;
}

static int64_t padded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

// [n, D] -> [D, m], zeros behind.
static void turn(const float* x, int64_t n, int64_t m, float* out) {
  for (int d = 0; d < D; d++) {
    for (int64_t j = 0; j < n; j++) out[d * m + j] = x[j * D + d];
    for (int64_t j = n; j < m; j++) out[d * m + j] = 0;
  }
}

static void scores(const float* q, const float* kt, float scale, int64_t n, int64_t m, float* __restrict s) {
  float w[D];
  for (int d = 0; d < D; d++) w[d] = q[d] * scale;
#pragma omp simd
  for (int64_t j = 0; j < m; j++) {
    float sum = 0;
    for (int d = 0; d < D; d++) sum += w[d] * kt[d * m + j];
    s[j] = sum;
  }
  for (int64_t j = n; j < m; j++) s[j] = -1e30f;
}

// row [m] x x [D, m]: D sums, the row read once.
static void products(const float* row, const float* x, int64_t m, float* out) {
  float a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
#pragma omp simd reduction(+ : a, b, c, d, e, f, g, h)
  for (int64_t j = 0; j < m; j++) {
    const float w = row[j];
    a += w * x[j];
    b += w * x[m + j];
    c += w * x[2 * m + j];
    d += w * x[3 * m + j];
    e += w * x[4 * m + j];
    f += w * x[5 * m + j];
    g += w * x[6 * m + j];
    h += w * x[7 * m + j];
  }
  const float sums[D] = {a, b, c, d, e, f, g, h};
  std::copy(sums, sums + D, out);
}

// q [G, N, 8], k and v [G, M, 8] -> {y [G, N, 8], log of the sum of exponentials [G, N]}
std::vector<Tensor> forward(Tensor q, Tensor k, Tensor v, double scale) {
  const int64_t G = q.size(0), N = q.size(1), M = k.size(1), W = padded(M);
  Tensor y = torch::empty_like(q), lse = torch::empty({G, N}, q.options());
  const float *qp = q.data_ptr<float>(), *kp = k.data_ptr<float>(), *vp = v.data_ptr<float>();
  float *yp = y.data_ptr<float>(), *lp = lse.data_ptr<float>();
  at::parallel_for(0, G, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> kt(D * W), vt(D * W), s(W);
    for (int64_t g = begin; g < end; g++) {
      turn(kp + g * M * D, M, W, kt.data());
      turn(vp + g * M * D, M, W, vt.data());
      for (int64_t i = 0; i < N; i++) {
        float* row = s.data();
        scores(qp + (g * N + i) * D, kt.data(), scale, M, W, row);
        float top = -1e30f, total = 0;
#pragma omp simd reduction(max : top)
        for (int64_t j = 0; j < W; j++) top = row[j] > top ? row[j] : top;
#pragma omp simd reduction(+ : total)
        for (int64_t j = 0; j < W; j++) {
          row[j] = exponential(row[j] - top);
          total += row[j];
        }
        float sums[D];
        products(row, vt.data(), W, sums);
        for (int d = 0; d < D; d++) yp[(g * N + i) * D + d] = sums[d] / total;
        lp[g * N + i] = top + std::log(total);
      }
    }
  });
  return {y, lse};
}

std::vector<Tensor> backward(Tensor dy, Tensor q, Tensor k, Tensor v, Tensor y, Tensor lse, double scale) {
  const int64_t G = q.size(0), N = q.size(1), M = k.size(1), W = padded(M);
  Tensor dq = torch::empty_like(q), dk = torch::empty_like(k), dv = torch::empty_like(v);
  const float *qp = q.data_ptr<float>(), *kp = k.data_ptr<float>(), *vp = v.data_ptr<float>();
  const float *dyp = dy.data_ptr<float>(), *yp = y.data_ptr<float>(), *lp = lse.data_ptr<float>();
  float *dqp = dq.data_ptr<float>(), *dkp = dk.data_ptr<float>(), *dvp = dv.data_ptr<float>();
  at::parallel_for(0, G, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> kt(D * W), vt(D * W), dkt(D * W), dvt(D * W), p(W), ds(W);
    for (int64_t g = begin; g < end; g++) {
      turn(kp + g * M * D, M, W, kt.data());
      turn(vp + g * M * D, M, W, vt.data());
      std::fill(dkt.begin(), dkt.end(), 0.f);
      std::fill(dvt.begin(), dvt.end(), 0.f);
      for (int64_t i = 0; i < N; i++) {
        const float *qi = qp + (g * N + i) * D, *dyi = dyp + (g * N + i) * D, *yi = yp + (g * N + i) * D;
        float *row = p.data(), *grad = ds.data();
        const float norm = lp[g * N + i];
        float delta = 0;
        for (int d = 0; d < D; d++) delta += dyi[d] * yi[d];
        scores(qi, kt.data(), scale, M, W, row);
#pragma omp simd
        for (int64_t j = 0; j < W; j++) {
          row[j] = exponential(row[j] - norm);
          float dp = 0;
          for (int d = 0; d < D; d++) dp += dyi[d] * vt[d * W + j];
          grad[j] = row[j] * (dp - delta) * (float)scale;
        }
        products(grad, kt.data(), W, dqp + (g * N + i) * D);
        for (int d = 0; d < D; d++) {
          const float a = qi[d], b = dyi[d];
          float *__restrict dkd = dkt.data() + d * W, *__restrict dvd = dvt.data() + d * W;
#pragma omp simd
          for (int64_t j = 0; j < W; j++) {
            dkd[j] += grad[j] * a;
            dvd[j] += row[j] * b;
          }
        }
      }
      for (int d = 0; d < D; d++)
        for (int64_t j = 0; j < M; j++) {
          dkp[(g * M + j) * D + d] = dkt[d * W + j];
          dvp[(g * M + j) * D + d] = dvt[d * W + j];
        }
    }
  });
  return {dq, dk, dv};
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("forward", &forward);
  m.def("backward", &backward);
}
