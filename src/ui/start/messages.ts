/** Words of the start screen: pictures, base model, sample sets, a run that was left. */
import type { CheckpointKind } from '../../formats/checkpoint_kind';
import type { SafetensorsErrorCode } from '../../formats/safetensors_error';
import type { Part } from './recognise';

type WrongKind = Exclude<CheckpointKind, 'sd1'>;

const parts: Record<Part, string> = { unet: 'the U-Net', text: 'the text encoder', vae: 'the VAE' };

const wrong: Record<WrongKind, string> = {
  'sd1-inpainting': 'This is an inpainting model.',
  sd2: 'This is a Stable Diffusion 2 model.',
  sdxl: 'This is an SDXL model.',
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
  'too-small': 'It is too small to be a model. Download it again.',
};

const en = {
  title: 'Drop your pictures here',
  titleMore: 'Drop more pictures here',
  what: 'A LoRA is a small file that teaches an image model a style, a character or an object from your pictures.',
  help: 'Help and glossary',
  intro:
    'Files, a folder or a zip. Captions in .txt files are paired by name. Twenty good pictures make a style.',
  choosePictures: 'Choose pictures',
  chooseFolder: 'Choose a folder',
  paste: 'Paste',
  pasteHint: 'Press Ctrl+V to paste pictures that you copied.',
  pasteEmpty: 'There is no picture on the clipboard. Copy one and try again.',
  picturesInput: 'Pictures, captions or a zip',
  folderInput: 'Folder of pictures',
  addPictures: 'Add pictures',
  nothingUploaded: 'Nothing is uploaded: the browser itself blocks it. ',
  goOffline: 'Go offline now',
  andCarryOn: ' and carry on.',
  offlineProof: 'You are offline. All of this still works.',
  proofTitle: 'How to see that nothing is sent',
  proof: [
    'Pull the plug: switch off Wi-Fi or unplug the cable, and carry on. Adding pictures, captions, training and downloading all work without a network.',
    'This page is served with headers (Content-Security-Policy and Connection-Allowlist) by which the browser refuses every connection to another place.',
    'Open the browser’s developer tools and look at Network while you train: nothing leaves.',
  ],
  proofStored: 'All that is needed is stored on this computer now.',
  proofNotStored:
    'The studio is still being stored on this computer; wait until Network in the rail says “not needed”.',
  adding: 'Adding pictures',
  looking: (n: number) => `${n} found`,
  addingOf: (done: number, total: number) => `${done} of ${total}`,
  toImages: 'Go to the images',
  haveImages: (n: number) =>
    n === 1 ? '1 picture is in this project.' : `${n} pictures are in this project.`,
  dropAnywhere: 'Let go to add',
  // base model
  baseModel: 'Base model',
  baseText: 'The model that your LoRA will sit on. It stays on this computer.',
  own: 'A .safetensors you have',
  ownText: 'SD 1.5 or a fine-tune of it; or all files of a diffusers folder',
  choose: 'Choose',
  chooseOther: 'Choose another',
  ownInput: 'Base model file',
  sd15: 'Stable Diffusion 1.5',
  sd15Text: (size: string, host: string) =>
    `downloaded once, ${size} from ${host}; in half precision; CreativeML Open RAIL-M licence`,
  sd15Named: 'Download a base model',
  download: 'Download',
  sd15Note: (size: string, host: string) =>
    `${size} from ${host}, under the CreativeML Open RAIL-M licence. This is the one request that leaves this page: the address goes out, nothing of yours does. The file is kept in this browser.`,
  ownAddressNote: (host: string) =>
    `Asks ${host} for this file. That is the one request that leaves this page: the address goes out, nothing of yours does. The file is kept in this browser.`,
  demo: 'Demo model',
  demoText: (size?: string) =>
    size ? `comes with the studio, ${size}, small pictures` : 'comes with the studio, small pictures',
  use: 'Use',
  inUse: 'in use',
  useNamed: 'Use the demo model',
  chooseNamed: 'Choose a base model',
  fromDisk: (size: string) => `${size}, read from your disk`,
  fromStorage: (size: string) => `${size}, kept in this browser`,
  fromDemo: (size: string) => `${size}, comes with the studio`,
  demoName: 'Demo model',
  checking: (name: string) => `Checking ${name}`,
  copying: (name: string) => `Copying ${name} into this browser`,
  copiedOf: (done: string, total: string) => `${done} of ${total}`,
  cancel: 'Cancel',
  ok: 'All right',
  refusedFile: (file: string) => `${file} is refused.`,
  whatFits: 'Here, SD 1.5 and its fine-tunes can be trained.',
  loraText: 'A LoRA can be trained further, or its settings read from it.',
  trainOn: 'Train on from it',
  readSettings: 'Read its settings',
  givePart: 'Choose the whole checkpoint, or U-Net, text encoder and VAE together.',
  tooShort: 'The file ends too early.',
  tooShortText: (have: string, of?: string) =>
    of
      ? `${have} of ${of} are there. Download it again.`
      : 'The download or copy did not finish. Download it again.',
  damagedFile: 'The file is damaged. Download it again.',
  lacks: (which: readonly Part[]) => `It lacks ${which.map((part) => parts[part]).join(' and ')}.`,
  couldNotRead: (file: string) => `${file} could not be read.`,
  baseFailed: 'The base model was not taken.',
  allow: 'Allow reading',
  permission: (name: string) => `The browser asks again before it reads ${name}.`,
  permissionText: 'One click. It forgets this when its last window closes.',
  moved: (name: string) => `${name} is no longer where it was.`,
  movedText: 'Choose it again. Your pictures and settings are not touched.',
  wanted: (name: string) => `This project was made with ${name}.`,
  wantedText: 'A project file names its base model, and does not hold it. Choose it here.',
  cleared: (name: string) => `${name} is gone from this browser.`,
  clearedText: 'Its data were cleared. Choose the file again.',
  wrong,
  damaged,
  // sample sets
  samples: 'Sample sets',
  samplesText:
    'Drawn for this studio, to try it out with the demo model. A few wait for the caption that the demo’s CLIP suggests.',
  openSample: 'Open the sample set',
  openSampleNamed: (name: string) => `Open the sample set: ${name}`,
  opening: 'Opening…',
  picturesOf: (n: number, captioned: number) =>
    captioned < n ? `${n} pictures, ${captioned} captioned` : `${n} pictures, captioned`,
  stripOf: (name: string) => `Pictures of ${name}`,
  samplesMissing: 'The sample sets could not be loaded.',
  samplesMissingText: 'Go online once and reload.',
  // a run that was left
  left: 'A run was left',
  leftText: (name: string, step: string, steps: string, when: string) =>
    `${name} stopped at step ${step} of ${steps}, ${when}. Resuming gives the same file as if it had never stopped.`,
  leftBare: (name: string, step: string, steps: string, when: string) =>
    `${name} stopped at step ${step} of ${steps}, ${when}, before its first checkpoint. It can be started again.`,
  resume: 'Resume',
  takeLast: (step: string) => `Take step ${step}`,
  discard: 'Discard',
  discardTitle: 'Discard this run?',
  discardText: (checkpoints: number) =>
    checkpoints === 0
      ? 'It has no checkpoint yet. Its curve and log go; pictures and settings stay.'
      : `Its ${checkpoints === 1 ? 'checkpoint' : `${checkpoints} checkpoints`}, samples and log go with it; pictures and settings stay.`,
  leftFailed: 'The run could not be resumed.',
  progress: (percent: number) => `${percent} % done`,
};

const wrongZh: typeof wrong = {
  'sd1-inpainting': '这是局部重绘（inpainting）模型。',
  sd2: '这是 Stable Diffusion 2 模型。',
  sdxl: '这是 SDXL 模型。',
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
  'too-small': '文件太小，不可能是模型。请重新下载。',
};

const partsZh: Record<Part, string> = { unet: 'U-Net', text: '文本编码器', vae: 'VAE' };

const zh: typeof en = {
  title: '把图片拖到这里',
  titleMore: '把更多图片拖到这里',
  what: 'LoRA 是一个小文件，用你的图片教会图像模型一种画风、一个角色或一件物体。',
  help: '帮助与术语',
  intro: '文件、文件夹或 zip 均可。同名 .txt 会作为标注。二十张好图就能练出一种画风。',
  choosePictures: '选择图片',
  chooseFolder: '选择文件夹',
  paste: '粘贴',
  pasteHint: '复制图片后按 Ctrl+V 粘贴。',
  pasteEmpty: '剪贴板里没有图片。请先复制一张再试。',
  picturesInput: '图片、标注或 zip',
  folderInput: '图片文件夹',
  addPictures: '添加图片',
  nothingUploaded: '不上传任何内容，由浏览器强制执行。',
  goOffline: '现在就断网',
  andCarryOn: '，照样能用。',
  offlineProof: '你已离线，这里的一切照常可用。',
  proofTitle: '怎样确认没有发送任何内容',
  proof: [
    '断开网络：关闭 Wi-Fi 或拔掉网线，然后继续。添加图片、打标、训练、下载都不需要网络。',
    '此页面带有响应头（Content-Security-Policy 和 Connection-Allowlist），浏览器据此拒绝连接任何其他地址。',
    '打开浏览器的开发者工具，训练时看“网络”面板：没有任何内容发出。',
  ],
  proofStored: '所需的一切都已存到这台电脑上。',
  proofNotStored: '正在把工作室存到这台电脑上，请等左侧“网络”显示“不需要”。',
  adding: '正在添加图片',
  looking: (n) => `已找到 ${n} 个`,
  addingOf: (done, total) => `${done} / ${total}`,
  toImages: '查看图片',
  haveImages: (n) => `此项目有 ${n} 张图片。`,
  dropAnywhere: '松手即可添加',
  baseModel: '底模',
  baseText: 'LoRA 将以它为基础训练。它只留在这台电脑上。',
  own: '你已有的 .safetensors',
  ownText: 'SD 1.5 或其微调模型；也可选 diffusers 文件夹的全部文件',
  choose: '选择',
  chooseOther: '另选一个',
  ownInput: '底模文件',
  sd15: 'Stable Diffusion 1.5',
  sd15Text: (size, host) => `从 ${host} 下载一次，${size}，半精度，CreativeML Open RAIL-M 许可`,
  sd15Named: '下载底模',
  download: '下载',
  sd15Note: (size, host) =>
    `从 ${host} 下载 ${size}，许可证为 CreativeML Open RAIL-M。这是唯一离开本页的请求：只发出该地址，不发送你的任何内容。文件保存在此浏览器中。`,
  ownAddressNote: (host) =>
    `向 ${host} 请求此文件。这是唯一离开本页的请求：只发出该地址，不发送你的任何内容。文件保存在此浏览器中。`,
  demo: '演示底模',
  demoText: (size) => (size ? `随工作室提供，${size}，小尺寸图片` : '随工作室提供，小尺寸图片'),
  use: '使用',
  inUse: '使用中',
  useNamed: '使用演示底模',
  chooseNamed: '选择底模',
  fromDisk: (size) => `${size}，从磁盘读取`,
  fromStorage: (size) => `${size}，存在浏览器里`,
  fromDemo: (size) => `${size}，随工作室提供`,
  demoName: '演示底模',
  checking: (name) => `正在检查 ${name}`,
  copying: (name) => `正在把 ${name} 复制到浏览器`,
  copiedOf: (done, total) => `${done} / ${total}`,
  cancel: '取消',
  ok: '知道了',
  refusedFile: (file) => `无法使用 ${file}。`,
  whatFits: '这里可以训练 SD 1.5 及其微调模型。',
  loraText: 'LoRA 可以继续训练，也可以从中读取设置。',
  trainOn: '从它继续训练',
  readSettings: '读取其中的设置',
  givePart: '请选择完整的模型文件，或同时选择 U-Net、文本编码器和 VAE。',
  tooShort: '文件不完整。',
  tooShortText: (have, of) =>
    of ? `${of} 中只有 ${have}。请重新下载。` : '下载或复制没有完成。请重新下载。',
  damagedFile: '文件已损坏。请重新下载。',
  lacks: (which) => `缺少${which.map((part) => partsZh[part]).join('和')}。`,
  couldNotRead: (file) => `无法读取 ${file}。`,
  baseFailed: '未能使用此底模。',
  allow: '允许读取',
  permission: (name) => `读取 ${name} 前，浏览器需要再次确认。`,
  permissionText: '点一下即可。浏览器在关闭最后一个窗口后会忘记授权。',
  moved: (name) => `${name} 已不在原处。`,
  movedText: '请重新选择。图片和参数不受影响。',
  wanted: (name) => `此项目使用的底模是 ${name}。`,
  wantedText: '项目文件中只有底模的名称，不含底模本身。请在这里选择它。',
  cleared: (name) => `浏览器里的 ${name} 不见了。`,
  clearedText: '浏览器数据已被清除。请重新选择文件。',
  wrong: wrongZh,
  damaged: damagedZh,
  samples: '示例训练集',
  samplesText: '为本工作室绘制，配合演示底模试用。留有几张未打标，可试用演示 CLIP 的建议。',
  openSample: '打开示例训练集',
  openSampleNamed: (name) => `打开示例训练集：${name}`,
  opening: '正在打开…',
  picturesOf: (n, captioned) =>
    captioned < n ? `${n} 张图片，${captioned} 张已打标` : `${n} 张图片，已打标`,
  stripOf: (name) => `${name}的图片`,
  samplesMissing: '示例训练集未能加载。',
  samplesMissingText: '请联网后刷新页面。',
  left: '有一次训练没有完成',
  leftText: (name, step, steps, when) =>
    `${name} 停在第 ${step} / ${steps} 步（${when}）。继续训练得到的文件，与从未中断完全相同。`,
  leftBare: (name, step, steps, when) =>
    `${name} 停在第 ${step} / ${steps} 步（${when}），还没有检查点。可以重新开始。`,
  resume: '继续训练',
  takeLast: (step) => `取出第 ${step} 步`,
  discard: '放弃',
  discardTitle: '放弃这次训练？',
  discardText: (checkpoints) =>
    checkpoints === 0
      ? '它还没有检查点。曲线和日志会删除，图片和参数保留。'
      : `它的 ${checkpoints} 个检查点、样图和日志会一并删除，图片和参数保留。`,
  leftFailed: '未能继续训练。',
  progress: (percent) => `已完成 ${percent} %`,
};

export const messages = { en, zh };
