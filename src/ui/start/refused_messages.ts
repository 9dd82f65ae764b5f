/** Words of what is said where a file is refused as base model: they come with the first such file. */
import { listed, partWords, type PartName } from '../../formats/families/family_facts';
import type { Localized } from '../../formats/config/language';
import type { SafetensorsErrorCode } from '../../formats/safetensors/safetensors_error';
import type { WrongKind } from '../project/recognise';

const the = (part: PartName) => `the ${partWords[part].en}`;

const wrong: Record<WrongKind, string> = {
  'sd1-inpainting': 'This is an inpainting model (9 channels).',
  'sd1-pix2pix': 'This is an instruct-pix2pix model (8 channels).',
  'sd2-inpainting': 'This is an inpainting model of SD 2 (9 channels).',
  'sd2-depth': 'This is the depth model of SD 2 (5 channels).',
  'sd2-upscaler': 'This is the upscaler of SD 2 (7 channels).',
  'sd2-unclip': 'This is an unCLIP model of SD 2.',
  'sdxl-inpainting': 'This is an inpainting model of SDXL (9 channels).',
  'sdxl-pix2pix': 'This is an instruct-pix2pix model of SDXL (8 channels).',
  'sdxl-refiner': 'This is the SDXL refiner, which only finishes what the base model began.',
  sd3: 'This is a Stable Diffusion 3 model.',
  flux: 'This is a Flux model.',
  lora: 'This is a LoRA, not a base model.',
  embedding: 'This is a textual inversion embedding, not a base model.',
  controlnet: 'This is a ControlNet, not a base model.',
  unet: 'This is a U-Net alone.',
  vae: 'This is a VAE alone.',
  'text-encoder': 'This is a text encoder alone.',
  empty: 'This file holds no model.',
  unknown: 'This is not a model that is known here.',
};

const damaged: Partial<Record<SafetensorsErrorCode, string>> = {
  pickle: 'A .ckpt can run code when it is opened. Take the .safetensors of the same model.',
  zip: 'A .ckpt, .pt or zip can run code when it is opened. Take the .safetensors of the same model.',
  gguf: 'It is a GGUF, whose weights are rounded too coarsely to train on. Take the .safetensors of the same model.',
  picture: 'It is a picture, whatever its name says. Take the .safetensors of a model.',
  text: 'It is a text that a download left in place of the model. Download it again.',
  'not-safetensors': 'It is no .safetensors, or its beginning is damaged. Download it again.',
  'header-too-large': 'It is no .safetensors, or its beginning is damaged. Download it again.',
  'header-too-much': 'Its header holds more than that of any model. Get it from its author again.',
  'too-small': 'It is too small to be a model. Download it again.',
};

const en = {
  refusedFile: (file: string) => `${file} is refused.`,
  whatFits: 'Here, SD 1.5, SD 2.x, SDXL and their fine-tunes can be trained.',
  loraText: 'A LoRA can be trained further, or its settings read from it.',
  trainOn: 'Train on from it',
  lookInside: 'Look inside',
  readSettings: 'Read its settings',
  giveVae: 'Choose a VAE for it, or a whole checkpoint.',
  twice: (part: PartName) => `Two of the files have ${the(part)}.`,
  twiceText: 'Choose one checkpoint, or the parts of one model.',
  missingShard: (name: string) => `${name} is missing.`,
  missingShardText: 'Choose all files of the folder together.',
  quantized: (dtype: string) => `Its weights are quantized (${dtype}).`,
  quantizedText: 'They are too coarse to train on. Choose the same model in F16, BF16 or F32.',
  givePart: 'Choose the whole checkpoint, or U-Net, text encoder and VAE together.',
  tooShort: 'The file ends too early.',
  tooShortText: (have: string, of?: string) =>
    of
      ? `${have} of ${of} are there. Download it again.`
      : 'The download or copy did not finish. Download it again.',
  damagedFile: 'The file is damaged. Download it again.',
  lacks: (which: readonly PartName[]) => `It lacks ${listed(which.map(the), 'and')}.`,
  couldNotRead: (file: string) => `${file} could not be read.`,
  wrong,
  damaged,
};

const wrongZh: typeof wrong = {
  'sd1-inpainting': '这是局部重绘（inpainting）模型（9 通道）。',
  'sd1-pix2pix': '这是 instruct-pix2pix 模型（8 通道）。',
  'sd2-inpainting': '这是 SD 2 的局部重绘（inpainting）模型（9 通道）。',
  'sd2-depth': '这是 SD 2 的深度（depth）模型（5 通道）。',
  'sd2-upscaler': '这是 SD 2 的放大（upscaler）模型（7 通道）。',
  'sd2-unclip': '这是 SD 2 的 unCLIP 模型。',
  'sdxl-inpainting': '这是 SDXL 的局部重绘（inpainting）模型（9 通道）。',
  'sdxl-pix2pix': '这是 SDXL 的 instruct-pix2pix 模型（8 通道）。',
  'sdxl-refiner': '这是 SDXL refiner，只用于对 base 模型的结果做最后的细化。',
  sd3: '这是 Stable Diffusion 3 模型。',
  flux: '这是 Flux 模型。',
  lora: '这是 LoRA，不是底模。',
  embedding: '这是 textual inversion 嵌入，不是底模。',
  controlnet: '这是 ControlNet，不是底模。',
  unet: '这只是一个 U-Net。',
  vae: '这只是一个 VAE。',
  'text-encoder': '这只是一个文本编码器。',
  empty: '此文件里没有模型。',
  unknown: '这不是已知的模型。',
};

const damagedZh: typeof damaged = {
  pickle: '.ckpt 打开时可能运行代码。请使用同一模型的 .safetensors。',
  zip: '.ckpt、.pt 或 zip 打开时可能运行代码。请使用同一模型的 .safetensors。',
  gguf: '这是 GGUF，权重量化过粗，无法训练。请使用同一模型的 .safetensors。',
  picture: '不论文件名是什么，这是一张图片。请使用模型的 .safetensors。',
  text: '这是下载时留下的文本，不是模型。请重新下载。',
  'not-safetensors': '这不是 .safetensors，或文件开头已损坏。请重新下载。',
  'header-too-large': '这不是 .safetensors，或文件开头已损坏。请重新下载。',
  'header-too-much': '文件头的内容比任何模型都多。请向作者重新获取。',
  'too-small': '文件太小，不可能是模型。请重新下载。',
};

const zh: typeof en = {
  refusedFile: (file) => `无法使用 ${file}。`,
  whatFits: '这里可以训练 SD 1.5、SD 2.x、SDXL 及其微调模型。',
  loraText: 'LoRA 可以继续训练，也可以从中读取设置。',
  trainOn: '从它继续训练',
  lookInside: '查看内容',
  readSettings: '读取其中的设置',
  giveVae: '请为它选一个 VAE，或选择完整的模型文件。',
  twice: (part) => `有两个文件都含有${partWords[part].zh}。`,
  twiceText: '请只选一个底模，或同一模型的各部分。',
  missingShard: (name) => `缺少 ${name}。`,
  missingShardText: '请同时选择该文件夹中的全部文件。',
  quantized: (dtype) => `它的权重经过量化（${dtype}）。`,
  quantizedText: '精度太低，不能训练。请选择同一模型的 F16、BF16 或 F32 版本。',
  givePart: '请选择完整的模型文件，或同时选择 U-Net、文本编码器和 VAE。',
  tooShort: '文件不完整。',
  tooShortText: (have, of) =>
    of ? `${of} 中只有 ${have}。请重新下载。` : '下载或复制没有完成。请重新下载。',
  damagedFile: '文件已损坏。请重新下载。',
  lacks: (which) => `缺少${which.map((part) => partWords[part].zh).join('、')}。`,
  couldNotRead: (file) => `无法读取 ${file}。`,
  wrong: wrongZh,
  damaged: damagedZh,
};

export const refusedMessages: Localized<typeof en> = { en, zh };
