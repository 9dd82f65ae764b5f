"""NVIDIA's machine code of our own shaders, without a GPU: what the inner loops are made of.

    npm run shaders -- --write DIR                       (every shader as WGSL)
    python sass.py DIR [--arch sm_86 sm_89 sm_90] [--match attention]

Needs naga (crate naga-cli) and, of pip, nvidia-cuda-nvrtc, nvidia-cuda-nvcc, nvidia-cuda-cccl, nvidia-cuda-runtime and
nvidia-cuda-nvdisasm. A shader goes WGSL -> MSL (naga) -> CUDA (the header below gives MSL's names a meaning) -> machine code
(NVRTC) -> text (nvdisasm). It is not the code of NVIDIA's Vulkan compiler, but of the same back end for the same loops.

Of each innermost loop that multiplies: instructions a turn, multiply-adds (`products`), sums apart from them, conversions
between halves and f32, loads from workgroup memory, and `ceiling`: the most of the f32 rate that the loop can reach, as its
multiply-adds over what takes a multiprocessor longest for a warp's turn: issuing (four instructions a cycle) or workgroup memory
(128 bytes a cycle: a warp's vectors of 16 bytes take four, of 8 two; less where threads read the same address, which is not counted).
Source of the rates: CUDA C++ Programming Guide, "Arithmetic Instructions" and "Shared Memory", for 8.6, 8.9 and 9.0.
"""
import argparse
import collections
import ctypes
import glob
import os
import re
import subprocess
import sys
import tempfile

HEADER = r"""
#include <cuda_fp16.h>
typedef unsigned int uint;
typedef __half half;
#define D static __device__ __forceinline__
template <class T, int N> struct V;
template <class T> struct alignas(2 * sizeof(T)) V<T, 2> { T x = T(), y = T(); D_ V() {} D_ explicit V(T s) : x(s), y(s) {} D_ V(T a, T b) : x(a), y(b) {}
  template <class U> D_ explicit V(V<U, 2> v) : x((T)v.x), y((T)v.y) {} D_ T& operator[](int i) { return (&x)[i]; } };
template <class T> struct V<T, 3> { T x = T(), y = T(), z = T(); D_ V() {} D_ V(V<T, 2> a, T b) : x(a.x), y(a.y), z(b) {} D_ explicit V(T s) : x(s), y(s), z(s) {} D_ V(T a, T b, T c) : x(a), y(b), z(c) {} };
template <class T> struct alignas(sizeof(T) > 4 ? 16 : 4 * sizeof(T)) V<T, 4> { T x = T(), y = T(), z = T(), w = T(); D_ V() {} D_ explicit V(T s) : x(s), y(s), z(s), w(s) {}
  D_ V(T a, T b, T c, T d) : x(a), y(b), z(c), w(d) {} D_ V(V<T, 2> a, V<T, 2> b) : x(a.x), y(a.y), z(b.x), w(b.y) {}
  template <class U> D_ explicit V(V<U, 4> v) : x((T)v.x), y((T)v.y), z((T)v.z), w((T)v.w) {} D_ T& operator[](int i) { return (&x)[i]; } };
#define OP(o) \
template <class T> D V<T, 2> operator o(V<T, 2> a, V<T, 2> b) { return V<T, 2>(a.x o b.x, a.y o b.y); } \
template <class T> D V<T, 3> operator o(V<T, 3> a, V<T, 3> b) { return V<T, 3>(a.x o b.x, a.y o b.y, a.z o b.z); } \
template <class T> D V<T, 4> operator o(V<T, 4> a, V<T, 4> b) { return V<T, 4>(a.x o b.x, a.y o b.y, a.z o b.z, a.w o b.w); } \
template <class T> D V<T, 4> operator o(V<T, 4> a, T b) { return V<T, 4>(a.x o b, a.y o b, a.z o b, a.w o b); } \
template <class T> D V<T, 4> operator o(T a, V<T, 4> b) { return V<T, 4>(a o b.x, a o b.y, a o b.z, a o b.w); }
OP(+) OP(-) OP(*) OP(/)
#define BITS(o) \
template <class T> D V<T, 4> operator o(V<T, 4> a, V<T, 4> b) { return V<T, 4>(a.x o b.x, a.y o b.y, a.z o b.z, a.w o b.w); }
BITS(&) BITS(|) BITS(<<) BITS(>>) BITS(%)
template <class T, int N> D V<T, N> operator-(V<T, N> a) { return V<T, N>((T)0) - a; }
template <class T, int N> D V<T, N>& operator-=(V<T, N>& a, V<T, N> b) { return a = a - b; }
#define COMPARE(o) \
template <class T> D V<bool, 4> operator o(V<T, 4> a, V<T, 4> b) { return V<bool, 4>(a.x o b.x, a.y o b.y, a.z o b.z, a.w o b.w); } \
template <class T> D V<bool, 2> operator o(V<T, 2> a, V<T, 2> b) { return V<bool, 2>(a.x o b.x, a.y o b.y); }
COMPARE(<) COMPARE(>=) COMPARE(==) COMPARE(<=) COMPARE(>) COMPARE(!=)
// Two halves at a time, as the compiler does not pair them by itself.
typedef V<half, 4> H4;
D __half2 low(H4 a) { return __halves2half2(a.x, a.y); }
D __half2 high(H4 a) { return __halves2half2(a.z, a.w); }
D H4 joined(__half2 a, __half2 b) { return H4(a.x, a.y, b.x, b.y); }
D H4 operator*(H4 a, H4 b) { return joined(__hmul2_rn(low(a), low(b)), __hmul2_rn(high(a), high(b))); }
D H4 operator+(H4 a, H4 b) { return joined(__hadd2_rn(low(a), low(b)), __hadd2_rn(high(a), high(b))); }
D H4 operator*(half a, H4 b) { return H4(a) * b; }
D H4 operator*(H4 a, half b) { return a * H4(b); }
namespace metal {
typedef ::uint uint; typedef V<float, 2> float2; typedef V<float, 3> float3; typedef V<float, 4> float4;
typedef V<half, 2> half2; typedef V<half, 4> half4; typedef V<uint, 2> uint2; typedef V<uint, 3> uint3; typedef V<uint, 4> uint4;
typedef V<int, 4> int4; typedef V<bool, 4> bool4; typedef V<bool, 2> bool2;
enum mem_flags { mem_threadgroup, mem_device };
#define threadgroup_barrier(x) barrier_()
D void barrier_() { __syncthreads(); }
D uint min(uint a, uint b) { return a < b ? a : b; } D uint max(uint a, uint b) { return a > b ? a : b; }
D int min(int a, int b) { return a < b ? a : b; } D int max(int a, int b) { return a > b ? a : b; }
D float min(float a, float b) { return fminf(a, b); } D float max(float a, float b) { return fmaxf(a, b); }
D float clamp(float a, float b, float c) { return fminf(fmaxf(a, b), c); }
D float exp2(float a) { return exp2f(a); } D float exp(float a) { return __expf(a); } D float log2(float a) { return __log2f(a); }
D float sqrt(float a) { return sqrtf(a); } D float abs(float a) { return fabsf(a); } D float rint(float a) { return rintf(a); }
D float fma(float a, float b, float c) { return fmaf(a, b, c); }
D half fma(half a, half b, half c) { return __hfma(a, b, c); }
#define EACH1(f) D float4 f(float4 a) { return float4(f(a.x), f(a.y), f(a.z), f(a.w)); }
EACH1(exp2) EACH1(exp) EACH1(sqrt) EACH1(abs) EACH1(rint) EACH1(log2)
#define EACH2(f) D float4 f(float4 a, float4 b) { return float4(f(a.x, b.x), f(a.y, b.y), f(a.z, b.z), f(a.w, b.w)); }
EACH2(min) EACH2(max)
D float4 fma(float4 a, float4 b, float4 c) { return float4(fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y), fmaf(a.z, b.z, c.z), fmaf(a.w, b.w, c.w)); }
D half4 fma(half4 a, half4 b, half4 c) { return joined(__hfma2(low(a), low(b), low(c)), __hfma2(high(a), high(b), high(c))); }
D float dot(float4 a, float4 b) { return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, a.x * b.x))); }
D half dot(half4 a, half4 b) { return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w; }
template <class T> D T select(T a, T b, bool c) { return c ? b : a; }
template <class T> D V<T, 4> select(V<T, 4> a, V<T, 4> b, bool4 c) { return V<T, 4>(c.x ? b.x : a.x, c.y ? b.y : a.y, c.z ? b.z : a.z, c.w ? b.w : a.w); }
template <class T> D V<T, 2> select(V<T, 2> a, V<T, 2> b, bool2 c) { return V<T, 2>(c.x ? b.x : a.x, c.y ? b.y : a.y); }
D bool all(bool2 a) { return a.x && a.y; } D bool all(bool4 a) { return a.x && a.y && a.z && a.w; }
D bool any(bool4 a) { return a.x || a.y || a.z || a.w; }
}
template <class T, class U> D T as_type(U u) { static_assert(sizeof(T) == sizeof(U)); T t; memcpy(&t, &u, sizeof(T)); return t; }
namespace ours {
using metal::float2; using metal::half2; using metal::uint2; using metal::uint4; using metal::float4;
""".replace("D_", "__device__ __forceinline__")

BUILTINS = {
    "threadgroup_position_in_grid": "metal::uint3(blockIdx.x, blockIdx.y, blockIdx.z)",
    "threadgroups_per_grid": "metal::uint3(gridDim.x, gridDim.y, gridDim.z)",
    "thread_position_in_threadgroup": "metal::uint3(threadIdx.x, threadIdx.y, threadIdx.z)",
    "thread_index_in_threadgroup": "(threadIdx.y * blockDim.x + threadIdx.x)",
    "thread_position_in_grid": "metal::uint3(blockIdx.x * blockDim.x + threadIdx.x, blockIdx.y * blockDim.y + threadIdx.y, blockIdx.z * blockDim.z + threadIdx.z)",
}


def cuda_of(msl, wgsl):
    """MSL as naga writes it, as CUDA: arguments that are the hardware's become locals, shared ones `__shared__`."""
    size = re.search(r"@workgroup_size\(([\d, ]+)\)", wgsl)[1]
    threads = 1
    for n in size.split(","):
        threads *= int(n)
    text = re.sub(r"#include <[a-z_/.]+>|using metal::uint;", "", msl)
    # Bounds on loops, which naga adds for Metal's compiler.
    text = re.sub(r"^\s*uint2 loop_bound\w* = .*$|^\s*if \(metal::all\(loop_bound.*$|^\s*loop_bound\w* -= .*$", "", text, flags=re.M)
    text = re.sub(r"(\w+)\.xy\b", r"metal::uint2(\1.x, \1.y)", text)
    head, main = text.split("kernel void main_(")
    arguments, body = main.split("\n) {", 1)
    passed, locals_ = [], []
    for argument in arguments.split("\n,"):
        builtin = re.search(r"\[\[(\w+)", argument)
        plain = re.sub(r"\[\[.*\]\]", "", argument).strip()
        if builtin and builtin[1] in BUILTINS:
            locals_.append(f"{plain} = {BUILTINS[builtin[1]]};")
        elif plain.startswith("threadgroup"):
            kind, name = re.match(r"threadgroup (\S+?)& (\w+)", plain).groups()
            locals_.append(f"__shared__ {kind} {name};")
        elif plain:
            space, kind, const, name = re.match(r"(device|constant) (\w+)( const)?& (\w+)", plain).groups()
            if space == "constant":
                passed.append(f"const __grid_constant__ {kind} {name}")
            else:
                # A reference, as a pointer that no other overlaps.
                passed.append(f"{const or ''} {kind}* __restrict__ {name}_p")
                locals_.append(f"{const or ''} {kind}& {name} = *{name}_p;")
    parameters = ", ".join(passed)
    # Workgroup memory is zeroed once, before the loops: left out.
    body = re.sub(r"^\s*(if \((?:lid|index|metal::all\(.*?\)) == .*?\) \{)\n(?:\s+\w+ = \{\};\n)+\s*\}\n", "\n", body, count=1)
    head = re.sub(r"\b(device|threadgroup) ", "", head).replace("constant ", "const ")
    head = re.sub(r"^(?!struct|typedef|#|\s|\}|using|//)(\S.*\()$", r"static __device__ __forceinline__ \1", head, flags=re.M)
    head = re.sub(r"^(uint naga_\w+\(.*)$", r"static __device__ __forceinline__ \1", head, flags=re.M)
    return f'{HEADER}{head}\nextern "C" __global__ void __launch_bounds__({threads}) kernel_({parameters}) {{\n' + "\n".join(locals_) + body + "\n}"


class Compiler:
    def __init__(self):
        base = os.path.join(sys.prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages", "nvidia")
        find = lambda what: (glob.glob(os.path.join(base, "**", what), recursive=True) or [None])[0]
        library, self.disassembler, header = find("libnvrtc.so.*"), find("nvdisasm"), find("cuda_fp16.h")
        if not (library and self.disassembler and header):
            raise SystemExit("pip install nvidia-cuda-nvrtc nvidia-cuda-nvcc nvidia-cuda-cccl nvidia-cuda-runtime nvidia-cuda-nvdisasm")
        self.nvrtc, self.include = ctypes.CDLL(library), os.path.dirname(header)

    def sass(self, source, arch, folder):
        program = ctypes.c_void_p()
        self.nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
        options = [f"--gpu-architecture={arch}", "-std=c++17", "--use_fast_math", f"-I{self.include}"]
        array = (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
        failed = self.nvrtc.nvrtcCompileProgram(program, len(options), array)
        size = ctypes.c_size_t()
        if failed:
            self.nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
            log = ctypes.create_string_buffer(size.value)
            self.nvrtc.nvrtcGetProgramLog(program, log)
            raise RuntimeError("\n".join(line for line in log.value.decode().splitlines() if "error" in line)[:1000])
        self.nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
        binary = ctypes.create_string_buffer(size.value)
        self.nvrtc.nvrtcGetCUBIN(program, binary)
        file = os.path.join(folder, "kernel.cubin")
        with open(file, "wb") as out:
            out.write(binary.raw)
        return subprocess.run([self.disassembler, "-c", file], capture_output=True, text=True, check=True).stdout


INSTRUCTION = re.compile(r"/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?([A-Z0-9_.]+)(.*)")


def loops_of(text):
    """Innermost loops: lists of (opcode, rest of the line)."""
    lines, labels, jumps = [], {}, []
    for line in text.splitlines():
        label = re.match(r"\s*(\.L_\w+):", line)
        if label:
            labels[label[1]] = len(lines)
        found = INSTRUCTION.search(line)
        if found:
            lines.append((found[2], found[3]))
            target = re.search(r"BRA.*?`\((\.L_\w+)\)", line)
            if target and found[2].startswith("BRA"):
                jumps.append((len(lines), target[1]))
    spans = [(labels[to], at) for at, to in jumps if to in labels and labels[to] < at]
    inner = [s for s in spans if not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in spans)]
    registers = max([int(n) for n in re.findall(r"\bR(\d+)\b", text)] + [0]) + 1
    spills = sum(op.startswith(("STL", "LDL")) for op, _ in lines)
    return [lines[a:b] for a, b in inner], registers, spills


def mix(loop):
    count = collections.Counter()
    convert, shared = 0, 0
    for op, _ in loop:
        if op.startswith(("HADD2.F32", "F2F", "F2FP")):
            convert += 1
            continue
        count[op.split(".")[0]] += 1
        if op.startswith(("LDS", "STS")):
            shared += 4 if ".128" in op else 2 if ".64" in op else 1
    # A product that starts a sum is a multiply-add of it; of halves, each does two.
    adds = count["FADD"]
    products = count["FFMA"] + count["FMUL"] + 2 * (count["HFMA2"] + count["HMUL2"])
    cycles = {"issue": len(loop) / 4, "shared memory": float(shared)}
    bound = max(cycles, key=cycles.get)
    return dict(instructions=len(loop), products=products, adds=adds + count["HADD2"], conversions=convert, loads=count["LDS"], bound=bound, ceiling=products / 4 / cycles[bound])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--arch", nargs="+", default=["sm_86", "sm_89", "sm_90"])
    parser.add_argument("--match", default="gemm-|attention-")
    parser.add_argument("--show", action="store_true", help="the CUDA text of a shader that does not compile")
    options = parser.parse_args()
    compiler = Compiler()
    for file in sorted(glob.glob(os.path.join(options.folder, "*.wgsl"))):
        name = os.path.basename(file)[:-5]
        if not re.search(options.match, name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            metal = os.path.join(folder, "kernel.metal")
            if subprocess.run(["naga", file, metal], capture_output=True).returncode:
                print(f"{name}: naga does not read it")
                continue
            source = cuda_of(open(metal).read(), open(file).read())
            for arch in options.arch:
                try:
                    loops, registers, spills = loops_of(compiler.sass(source, arch, folder))
                except RuntimeError as error:
                    print(f"{name} {arch}: {error}")
                    if options.show:
                        open("/dev/stderr", "w").write(source)
                    break
                print(f"{name} {arch}: {registers} registers, {spills} spills")
                for loop in loops:
                    found = mix(loop)
                    if found["products"] >= 16:
                        print("   ", *(f"{k} {v if isinstance(v, (int, str)) else round(v, 2)}" for k, v in found.items()))


main()
