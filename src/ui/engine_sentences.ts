/**
 * In Simplified Chinese, what the errors of files and of the trainer say in English by themselves: by name, code and
 * facts. Types make sure that no code is missing.
 */
import type { BucketConfigFacts, ImageSizeFacts } from '../formats/dataset/buckets';
import type { CheckpointFacts, CheckpointKind } from '../formats/checkpoint/checkpoint_kind';
import type { LoraErrorCode, LoraErrorFacts } from '../formats/lora/lora_error';
import type { SafetensorsErrorCode } from '../formats/safetensors/safetensors_error';
import type { ZipErrorCode } from '../formats/zip/zip_error';
import type { EngineFacts, StateChange } from '../protocol/engine_errors';
import { partWords } from '../formats/families/family_facts';

/** A sentence for each code of an error, from its facts. */
export type Sentences<Facts> = { readonly [Code in keyof Facts]: (facts: Facts[Code]) => string };

const gb = (bytes: number) => (bytes / 1e9).toFixed(2);

const chooseBase = '请选择 Stable Diffusion 1.x、2.x 或 SDXL 的完整底模。';

const kinds: Record<CheckpointKind, string> = {
  sd1: '这是 Stable Diffusion 1.x 底模。',
  'sd1-no-vae': '这个 Stable Diffusion 1.x 底模没有 VAE。',
  'sd1-no-text': '这个 Stable Diffusion 1.x 底模没有文本编码器。',
  'sd1-pix2pix': '这是 instruct-pix2pix 模型（8 通道），这里不能训练。',
  'sd1-inpainting': '这是局部重绘（inpainting）模型，这里不能训练。',
  sd2: '这是 Stable Diffusion 2.x 底模。',
  'sd2-no-vae': '这个 Stable Diffusion 2.x 底模没有 VAE。',
  'sd2-no-text': '这个 Stable Diffusion 2.x 底模没有文本编码器。',
  'sd2-unet': '此文件只有 Stable Diffusion 2.x 的 U-Net。',
  'sd2-inpainting': '这是 SD 2 的局部重绘（inpainting）模型，这里不能训练。',
  'sd2-depth': '这是 SD 2 的深度（depth2img）模型（5 通道），这里不能训练。',
  'sd2-upscaler': '这是 SD 2 的放大（x4 upscaler）模型（7 通道），这里不能训练。',
  'sd2-unclip': '这是 SD 2 的 unCLIP 模型，以图片为输入，这里不能训练。',
  sdxl: '这是 SDXL 底模。',
  'sdxl-no-vae': '这个 SDXL 底模没有 VAE。',
  'sdxl-no-text': '这个 SDXL 底模没有文本编码器。',
  'sdxl-inpainting': '这是 SDXL 的局部重绘（inpainting）模型，这里不能训练。',
  'sdxl-pix2pix': '这是 SDXL 的 instruct-pix2pix 模型（8 通道），这里不能训练。',
  'sdxl-refiner': '这是 SDXL refiner，只用于对 base 模型的结果做最后的细化，这里不能训练。',
  'sdxl-unet': '此文件只有 SDXL 的 U-Net。',
  sd3: '这是 Stable Diffusion 3 模型，不受支持。',
  flux: '这是 Flux 模型，不受支持。',
  lora: '这是 LoRA，不是底模。',
  embedding: '这是 textual inversion 嵌入，不是底模。',
  controlnet: '这是 ControlNet，不是底模。',
  unet: '此文件只有 U-Net。',
  vae: '此文件只有 VAE。',
  'text-encoder': '此文件只有文本编码器。',
  empty: '此文件中没有模型。',
  unknown: '无法识别这个模型。',
};

const CheckpointError: Sentences<CheckpointFacts> = {
  kind: ({ kind, lacks }) =>
    lacks
      ? `底模缺少${lacks.map((part) => partWords[part].zh).join('、')}。${kind === 'sd1-no-vae' ? '请另选一个 VAE，或提供完整底模。' : '请提供完整底模，或 diffusers 文件夹中的全部文件。'}`
      : `${kinds[kind]}${chooseBase}`,
  layouts: ({ first, second }) => `“${first}”与“${second}”是同一个张量：文件混用了两种布局。${chooseBase}`,
  twice: ({ part }) => `有两个文件都含有${partWords[part].zh}。请只选一个底模，或同一模型的各部分。`,
  quantized: ({ tensor, dtype }) =>
    `底模经过量化（“${tensor}”是 ${dtype}）；可以读取 F16、BF16、F32 和普通的 8 位浮点。请使用未量化的底模。`,
  cut: ({ tensor }) => `“${tensor}”读不完整：文件已改变或被截断。请重新选择或重新下载。`,
  'non-finite': ({ tensor, count }) => `“${tensor}”中有 ${count} 个无穷大或非数值。底模已损坏，请重新下载。`,
  'too-large': ({ tensor, count }) =>
    `“${tensor}”中有 ${count} 个值超过 65504，半精度无法表示，而底模的权重以半精度保存。正常的 Stable Diffusion 底模没有这样的值：此文件已损坏，或合并、转换时出错。请换用其他底模。`,
};

type Place = { offset: number; expected: string; got: string };
const at = ({ offset }: Place) => `（第 ${offset} 字节）`;
const damaged = (facts: Place) => `文件头已损坏${at(facts)}。请重新下载。`;
const again = '请获取同一模型的 .safetensors 文件。';

const SafetensorsError: Sentences<Record<SafetensorsErrorCode, Place>> = {
  'too-small': () => '文件太小，不是 safetensors 文件。请重新下载。',
  pickle: () => `这是 Python pickle（旧的 .ckpt 或 .pt），打开时可能运行代码，因此不会打开。${again}`,
  zip: () => `这是 zip 压缩包（.ckpt、.pt 也是），打开时可能运行代码，因此不会打开。${again}`,
  gguf: () => `这是 GGUF 文件，其量化权重不能用于训练。${again}`,
  picture: () => '这是图片，不是模型。请把它放到“图片”中，并在此选择 .safetensors 文件。',
  text: () => '这是文本或网页，不是模型：下载得到的可能是说明页面。请重新下载文件本身。',
  'not-safetensors': () => '这不是 safetensors 文件，或开头已损坏。请重新下载。',
  'header-too-large': () => '这不是 safetensors 文件，或开头已损坏。请重新下载。',
  'header-too-much': () => '文件头的内容比任何模型都多，因此不读取。请向作者重新获取。',
  truncated: (facts) => `文件过早结束${at(facts)}。请重新下载。`,
  'invalid-utf8': damaged,
  'invalid-json': damaged,
  'duplicate-name': (facts) => `文件头中有重复的名称${at(facts)}，无法确定指的是哪份数据。请向作者重新获取。`,
  'invalid-metadata': (facts) => `文件的元数据不符合格式${at(facts)}。请重新获取。`,
  'invalid-entry': damaged,
  'unknown-dtype': (facts) => `文件使用了未知的数据类型 ${facts.got}${at(facts)}。请换一个文件。`,
  'size-overflow': damaged,
  'size-mismatch': damaged,
  'invalid-offsets': damaged,
  'trailing-bytes': (facts) => `文件中有不属于任何张量的数据${at(facts)}。请向作者重新获取。`,
  'invalid-name': damaged,
};

const broken = () => '此 zip 已损坏。请重新打包，或解压后再添加。';

const ZipError: Sentences<Record<ZipErrorCode, unknown>> = {
  'not-zip': () => '这不是 zip 文件。请解压后添加其中的文件。',
  broken,
  'too-many': () => '此 zip 中的文件太多。请解压后分批添加。',
  'too-large': () => '此 zip 解压后太大。请解压后分批添加。',
  overlap: () => '此 zip 中的文件互相重叠，这是有害压缩包的特征，因此没有打开。',
  'unsafe-name': () => 'zip 中的文件名指向文件夹之外，已略去。',
  encrypted: () => '此 zip 有密码。请解压后再添加。',
  method: () => 'zip 使用了这里不支持的压缩方法。请解压后再添加。',
  ratio: () => 'zip 中的文件解压后异常大，没有打开。',
  'file-too-large': () => 'zip 中的文件解压后超过 200 MiB，没有打开。',
  'too-much': () => '这些图片超过了 zip 的 4 GB 上限。请分批导出。',
};

const layer = ({ module }: LoraErrorFacts) => (module === undefined ? '' : `（${module}）`);

/** What the error says itself goes before what its code says. */
const LoraError: Sentences<Record<LoraErrorCode, LoraErrorFacts>> = {
  'no-modules': ({ said }) =>
    said?.zh ?? '此文件中没有 LoRA 层。请选择为 Stable Diffusion 1.x、2.x 或 SDXL 制作的 LoRA。',
  'other-method': ({ said }) => said?.zh ?? '此文件不是 SD 1.x 或 SDXL 的普通 LoRA，不能在这里使用。',
  'missing-half': (facts) => `LoRA 不完整${layer(facts)}。请重新获取。`,
  'wrong-shape': (facts) => `LoRA 的形状与底模不符${layer(facts)}：它是为另一种模型制作的。`,
  'not-float': (facts) => `LoRA 的权重必须是浮点数${layer(facts)}。`,
  'too-large': (facts) => `LoRA 的层过大，不属于任何已知模型${layer(facts)}。`,
  'non-finite': (facts) => `LoRA 中有无穷大或非数值${layer(facts)}。请选择更早的保存。`,
  'unknown-module': (facts) => `LoRA 中有底模所没有的层${layer(facts)}：它是为另一种模型制作的。`,
  'wrong-rank': ({ said }) => said?.zh ?? 'LoRA 的秩高于设置。请提高 lora_rank。',
  'other-ranks': ({ said }) => said?.zh ?? 'LoRA 的秩太高，不能在这里继续训练。',
};

const InvalidBucketConfigError: Sentences<BucketConfigFacts> = {
  step: ({ step }) => `分桶步长不能是 ${step}；它必须是 8 的倍数，一般为 64。`,
  resolution: ({ width, height }) => `分辨率不能是 ${width} × ${height}；两边都必须是 8 的倍数，至少 64。`,
  'below-step': ({ width, height, step }) => `分辨率 ${width} × ${height} 小于分桶步长 ${step}。`,
  multiples: ({ minSize, maxSize, step }) =>
    `分桶尺寸 ${minSize} 到 ${maxSize} 都必须是步长 ${step} 的倍数。`,
  outside: ({ width, height, minSize, maxSize }) =>
    `分辨率 ${width} × ${height} 必须在分桶尺寸 ${minSize} 到 ${maxSize} 之间；请减小最短边或增大最长边。`,
  model: ({ step, multipleOf, model }) =>
    `分桶步长 ${step} 对 ${model} 太小：它必须是 ${multipleOf} 的倍数。`,
};

const UnusableImageSizeError: Sentences<ImageSizeFacts> = {
  size: ({ width, height, step, picture }) =>
    `${picture ?? '图片'}（${width} × ${height} 像素）${
      step === undefined
        ? '不能使用。'
        : `太小或太窄：分桶的边长是 ${step} 的倍数，而图片不会被放大。请移除或裁剪它，或允许放大。`
    }`,
};

const picturesZh = {
  content: '内容不同的图片',
  caption: '描述不同的图片',
  place: '裁剪或重复次数不同的图片',
  added: '新增的图片',
  removed: '缺少的图片',
  order: '顺序不同的图片',
} as const;

function changesZh(changes: readonly StateChange[]): string {
  return changes
    .map((change) => {
      if (change.what === 'base') return '底模不同';
      if (change.what === 'setting') return `${change.name} 由 ${change.was} 变为 ${change.now}`;
      const { how, count, names } = change;
      return `${picturesZh[how]}：${names.join('、')}${count > names.length ? `等 ${count} 张` : ''}`;
    })
    .join('；');
}

type Engine = { readonly [Name in keyof EngineFacts]: Sentences<EngineFacts[Name]> };

const engine: Engine = {
  CheckpointShapeError: {
    shape: ({ found }) => `底模的张量与 Stable Diffusion 1.x、2.x 和 SDXL 不符（${found}）。${chooseBase}`,
  },
  MemoryBudgetError: {
    budget: ({ neededBytes, budgetBytes, quantized }) =>
      `此次训练需要 ${gb(neededBytes)} GB 显存，而预算为 ${gb(budgetBytes)} GB。请降低分辨率或 LoRA 的秩，${quantized ? '' : '把 base_precision 设为 int8，'}提高 memory_budget_gb，或将其设为 0 以使用尽可能少的显存。`,
  },
  OutOfMemoryError: {
    memory: () =>
      'GPU 的显存不足以完成此次训练。请关闭其他占用 GPU 的程序和标签页，或降低分辨率或 LoRA 的秩。',
  },
  BufferTooLargeError: {
    buffer: ({ bytes, limitBytes }) =>
      `需要一块 ${gb(bytes)} GB 的显存，而此显卡最多允许 ${gb(limitBytes)} GB。请降低分辨率或批量大小。`,
  },
  InvalidScheduleError: {
    warmup: ({ warmup, steps }) =>
      `预热 ${warmup} 步，而训练只有 ${steps} 步：训练会在预热结束之前结束。请调低预热（lr_warmup_steps）。`,
    settings: () => '学习率曲线的参数不可用。请检查预热、重启次数、幂次和学习率。',
  },
  DeviceLostError: { lost: ({ reason }) => `GPU 已断开（${reason}）。请从最近的检查点继续。` },
  DrawingLostError: { lost: ({ reason }) => `GPU 已断开（${reason}）。请重新绘制。` },
  NonFiniteLossError: {
    loss: ({ step, skips, skippedSteps }) =>
      `到第 ${step} 步为止，损失或梯度连续 ${skips} 步为无穷大或非数值（共跳过 ${skippedSteps} 步）。请降低学习率，检查底模（若其数值超出半精度范围，请把 mixed_precision 设为 fp32），或从最近的检查点继续。`,
    'no-step': ({ step }) =>
      `什么也没有学到：全部 ${step} 步的损失或梯度都是无穷大或非数值，每一步都被跳过。请降低学习率或检查底模；若底模的数值超出半精度范围，请把 mixed_precision 设为 fp32；半精度下步数很少的训练可能需要更多步数。`,
  },
  NonFiniteLatentsError: {
    latents: ({ picture }) => `${picture}：VAE 给出了非有限的值。请移除这张图片，或换用 VAE 正常的底模。`,
  },
  ResumeError: {
    'not-a-state': () => '这不是保存的训练状态。请选择该次训练的 .state.safetensors 文件。',
    'other-run': () => '保存的状态属于设置、图片或底模不同的训练。请恢复它们，或开始新的训练。',
    changed: ({ changes }) =>
      `保存的状态属于不同的训练：${changesZh(changes)}。请恢复原样，或从最近保存的 LoRA 开始新的训练。`,
    damaged: () => '保存的训练状态已损坏。请从更早的检查点继续，或从最近保存的 LoRA 开始新的训练。',
    'other-size': () => '保存的状态与现在的设置大小不同：秩或训练的部分改变了。',
  },
  RunSettingsError: {
    'no-pictures': () => '没有可训练的图片。',
    'nothing-trained': () => '没有训练任何部分：请打开 train_unet 或 train_text_encoder。',
  },
  GpuUnavailableError: {
    'no-webgpu': () => '此浏览器没有 WebGPU。请使用最新的 Chrome、Edge、Firefox 或 Safari。',
    'no-adapter': () => '有 WebGPU，但没有可用的显卡。请检查驱动程序，或在浏览器设置中启用 GPU。',
    'no-tier': () => '此显卡不支持所要求的精度。请把 mixed_precision 设为 auto。',
    'not-open': () => 'GPU 尚未打开。请刷新页面后重试。',
  },
  DecodeError: { decode: ({ picture }) => `${picture} 无法解码。请移除它，或另存为 PNG 或 JPEG。` },
  BusyError: { busy: () => '训练正在进行。请先停止它。' },
  DrawRequestError: {
    size: ({ width, height }) =>
      `无法绘制 ${width} × ${height} 的图片：边长须为 64 的倍数，且在 64 到 2048 之间。`,
    steps: ({ steps, guidance }) =>
      `无法以 ${steps} 步、引导强度 ${guidance} 绘制：步数须为 1 到 1000，引导强度须为 1 到 30。`,
    seed: ({ seed }) => `种子 ${seed} 不可用：须为不小于 0 的整数。`,
    sampler: ({ sampler }) => `没有名为“${sampler}”的采样器。`,
  },
  TokenizerError: {
    vocabulary: () => 'CLIP 的词表与此底模不符。请刷新页面；如果仍然如此，请换用其他底模。',
    merge: () => 'CLIP 的词表已损坏。请刷新页面后重试。',
  },
  Resumed: {
    changed: ({ step, changes }) => `从第 ${step} 步起按不同的设置训练：${changesZh(changes)}。`,
    complete: ({ step }) => `此训练已完成（${step} 步）。要继续训练，请提高轮数或步数上限。`,
  },
  KeptRanks: {
    kept: ({ least, most, anew }) =>
      `所继续训练的 LoRA 各层的秩为 ${least} 到 ${most}：每层保留自己的秩和 alpha，设置中的 lora_rank 和 lora_alpha 不起作用${anew > 0 ? `（它尚未训练的部分有 ${anew} 层除外）` : ''}。`,
  },
  KeptLatents: {
    found: ({ found, pictures }) =>
      `${pictures} 张图片中有 ${found} 张的潜变量已由之前的训练算好并保存在此，不再重新计算。`,
    damaged: ({ count }) => `之前的训练保存的潜变量中有 ${count} 份已损坏，将重新计算。`,
    lost: ({ lost, pictures }) =>
      `${pictures} 张图片中有 ${lost} 张的潜变量没能保存，下次训练将重新计算：空间已满，或无法写入。`,
  },
  LongPrompt: {
    cut: ({ tokens, text }) => `有提示词含 ${tokens} 个 token，只读取前 225 个：“${text}…”。`,
  },
};

export const engineSentences = {
  CheckpointError,
  SafetensorsError,
  ZipError,
  LoraError,
  InvalidBucketConfigError,
  UnusableImageSizeError,
  ...engine,
};
