/** Why the captioner refuses, in words: what is wrong, and what to do. */
import type { Localized } from '../../formats/config/language';
import { captionerProblems, type CaptionerProblem } from '../../protocol/captioner';
import { inLanguage } from '../language.svelte';
import { sentenceOf } from '../sentence';

const en: Record<CaptionerProblem, string> = {
  'empty-model': 'The model file is empty. Choose or download it again.',
  'checkpoint-as-model':
    'This is a Stable Diffusion checkpoint or another safetensors file. Captions need a model in ONNX (.onnx).',
  'pickle-as-model':
    'This is a PyTorch file, which can run code when it is opened. Captions need a model in ONNX (.onnx).',
  'web-page-as-model': 'This is a web page, not a model. Use the address of the file itself.',
  'pointer-as-model':
    'This is only a pointer to the model (Git LFS), not the model. Download the file from its page.',
  'not-onnx': 'This file is damaged or no ONNX model. Choose or download it again.',
  'model-cut-short': 'The model file ends too early. Choose or download it again.',
  'model-not-loadable': 'The model cannot be loaded. Try another export of it, such as the quantized one.',
  'external-missing':
    'The model’s weights lie in a further file, which is missing. Add the model again together with that file (.onnx_data or .onnx.data), or an export in a single file.',
  'text-as-vision': 'The file given as vision model is a text model. Give each its own place.',
  'vision-as-text': 'The file given as text model is a vision model. Give each its own place.',
  'tagger-as-clip': 'This is a tagger, not a CLIP. Add it with its selected_tags.csv.',
  'clip-as-tagger': 'This is a CLIP, not a tagger. Add its vision model and its text model.',
  'tagger-channels-first':
    'This tagger takes its picture channels first (NCHW). Such exports differ in colours and range, and the file does not say how. Use the model.onnx of a WD14 tagger, which takes channels last.',
  'unknown-model': 'This model is neither a CLIP nor a WD14 tagger that can be used here.',
  'towers-differ': 'Vision model and text model belong to different CLIPs. Use two of one export.',
  'other-words': 'The text model does not have CLIP’s words. Use another export.',
  'not-a-tag-list': 'The list of tags cannot be read. Use the selected_tags.csv that comes with the tagger.',
  'tags-differ':
    'The tagger and its list of tags do not belong together. Use the selected_tags.csv that comes with it.',
  'wrong-numbers': 'The model gives numbers that make no sense here. Try another export of it.',
  'runtime-missing': 'What runs the model could not be loaded. Go online once and try again.',
  'word-list-missing': 'CLIP’s word list could not be read. Go online once and try again.',
  'out-of-memory':
    'There is not enough memory for this model. Close other tabs, or use a smaller one, such as a quantized B/32.',
  'undecodable-picture': 'The picture is damaged or of a kind this browser cannot read.',
  'bad-template': 'The template cannot be read. Slots are written as [subject]; braces come in pairs.',
  'no-search': 'A tagger cannot search by words. Use a CLIP.',
  'no-model-open': 'No model is open. Choose one.',
};

const zh: Record<CaptionerProblem, string> = {
  'empty-model': '模型文件是空的，请重新选择或下载。',
  'checkpoint-as-model': '这是 Stable Diffusion 底模或其他 safetensors 文件。打标需要 ONNX 模型（.onnx）。',
  'pickle-as-model': '这是 PyTorch 文件，打开时可能执行代码。打标需要 ONNX 模型（.onnx）。',
  'web-page-as-model': '这是网页，不是模型。请使用文件本身的地址。',
  'pointer-as-model': '这只是指向模型的指针（Git LFS），不是模型本身。请从其页面下载文件。',
  'not-onnx': '文件已损坏，或不是 ONNX 模型。请重新选择或下载。',
  'model-cut-short': '模型文件不完整，请重新选择或下载。',
  'model-not-loadable': '模型无法载入，请尝试其他导出版本，例如量化版。',
  'external-missing':
    '模型的权重在另一个文件中，但没有找到。请连同该文件（.onnx_data 或 .onnx.data）重新添加模型，或使用单文件导出。',
  'text-as-vision': '作为视觉模型给出的文件是文本模型，请分别放到对应位置。',
  'vision-as-text': '作为文本模型给出的文件是视觉模型，请分别放到对应位置。',
  'tagger-as-clip': '这是标签器，不是 CLIP。请连同 selected_tags.csv 一起添加。',
  'clip-as-tagger': '这是 CLIP，不是标签器。请添加它的视觉模型和文本模型。',
  'tagger-channels-first':
    '该标签器的输入为通道在前（NCHW）。这类导出的颜色顺序与数值范围各不相同，文件中并未说明。请使用 WD14 标签器的 model.onnx（通道在后）。',
  'unknown-model': '该模型既不是可用的 CLIP，也不是可用的 WD14 标签器。',
  'towers-differ': '视觉模型与文本模型属于不同的 CLIP，请使用同一次导出的两个文件。',
  'other-words': '文本模型的词表不是 CLIP 的，请使用其他导出版本。',
  'not-a-tag-list': '标签列表无法读取，请使用标签器自带的 selected_tags.csv。',
  'tags-differ': '标签器与标签列表不匹配，请使用其自带的 selected_tags.csv。',
  'wrong-numbers': '模型给出的数值在这里没有意义，请尝试其他导出版本。',
  'runtime-missing': '运行模型所需的组件未能载入，请联网后重试。',
  'word-list-missing': 'CLIP 词表未能读取，请联网后重试。',
  'out-of-memory': '内存不足以运行此模型。请关闭其他标签页，或改用更小的模型，例如量化的 B/32。',
  'undecodable-picture': '图片已损坏，或浏览器无法读取此格式。',
  'bad-template': '模板无法解析。槽位写作 [subject]，花括号须成对。',
  'no-search': '标签器不能用文字搜索，请使用 CLIP。',
  'no-model-open': '没有打开的模型，请先选择。',
};

export const problemMessages: Localized<typeof en> = { en, zh };

export function isProblem(name: string): name is CaptionerProblem {
  return captionerProblems.some((problem) => problem === name);
}

/** In the page's language where the problem has a name; else as it was thrown. */
export function captionerSentence(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  return isProblem(name) ? inLanguage(problemMessages)[name] : sentenceOf(error);
}
