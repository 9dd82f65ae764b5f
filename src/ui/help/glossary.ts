/**
 * The words of the trade, in a sentence each. In Chinese the English word stands beside where programs use it. The order
 * is that of a first run, not of the alphabet.
 */
import type { Localized } from '../../formats/config/language';

export interface Term {
  readonly name: Localized;
  readonly text: Localized;
}

const term = (en: string, zh: string, textEn: string, textZh: string): Term => ({
  name: { en, zh },
  text: { en: textEn, zh: textZh },
});

export const glossary: readonly Term[] = [
  term(
    'LoRA',
    'LoRA',
    'Low-rank adaptation: a small file that changes how a base model draws, without changing the base model itself.',
    '低秩适应：一个小文件，改变底模的画法，而不改动底模本身。',
  ),
  term(
    'Base model',
    '底模',
    'The large model that draws; a LoRA works on the one it was trained on, and on its relatives.',
    '负责画图的大模型；LoRA 适用于训练时所用的底模及其同类。',
  ),
  term(
    'Checkpoint',
    '检查点',
    'The state of a training at one step, saved. Also what people call the file of a whole base model.',
    '训练到某一步时保存的状态。人们也这样称呼完整底模的文件。',
  ),
  term(
    'Caption',
    '标注',
    'The words that say what is in a picture. What a caption names stays changeable; what it does not name becomes part of the LoRA.',
    '说明图片内容的文字。写进标注的可以随提示词改变；没有写的会成为 LoRA 的一部分。',
  ),
  term('Tag', '标签', 'One item of a caption that is a list with commas.', '以逗号分隔的标注中的一项。'),
  term(
    'Trigger word',
    '触发词',
    'A word in every caption that calls up what was learned, when it stands in the prompt.',
    '每条标注里都有的词；写进提示词，就会唤出学到的内容。',
  ),
  term(
    'Step',
    '步',
    'One update of the LoRA, after looking at one batch of pictures.',
    'LoRA 的一次更新，依据一批图片。',
  ),
  term('Epoch', '轮', 'Once through all pictures, with their repeats.', '把全部图片（含重复次数）看一遍。'),
  term(
    'Repeats',
    '重复次数',
    'How often a picture is seen in one epoch: to balance a small set against a large one.',
    '一轮中一张图片出现的次数：用来平衡数量不同的图片组。',
  ),
  term(
    'Batch size',
    '批量大小',
    'How many pictures one step looks at. Larger is steadier and needs more memory.',
    '一步所看的图片数。越大越稳，也越占显存。',
  ),
  term(
    'Gradient accumulation',
    '梯度累积',
    'Adds up several batches before an update: the effect of a large batch in the memory of a small one.',
    '累加几批之后再更新：用小批量的显存得到大批量的效果。',
  ),
  term(
    'Learning rate',
    '学习率',
    'How far each step goes. Too high destroys the pictures; too low learns nothing in the given time.',
    '每一步走多远。太高会毁掉画面，太低则学不到东西。',
  ),
  term(
    'Loss',
    '损失',
    'How far the model is from the right answer. It jumps from step to step; only its long trend says something, and samples say more.',
    '模型与正确答案的差距。逐步看起伏很大，只有长期趋势有意义，样图更能说明问题。',
  ),
  term(
    'Overfitting',
    '过拟合',
    'The LoRA repeats its training pictures instead of what they have in common. Take an earlier checkpoint.',
    'LoRA 只会重复训练图片，而不是它们的共同点。请选更早的检查点。',
  ),
  term(
    'Underfitting',
    '欠拟合',
    'Too little was learned to be seen. Train longer, or a little faster.',
    '学到的太少，看不出来。请训练更久，或稍微提高学习率。',
  ),
  term(
    'Rank',
    '秩',
    'How much a LoRA can hold, and how large its file becomes. 8 to 32 is enough for most things.',
    'LoRA 的容量，也决定文件大小。多数情况 8 到 32 就够。',
  ),
  term(
    'Alpha',
    'Alpha',
    'Scales the LoRA: it works with alpha divided by rank. Half the rank is usual.',
    '缩放 LoRA：实际强度是 alpha 除以秩。通常取秩的一半。',
  ),
  term(
    'Optimizer',
    '优化器',
    'The rule by which a step changes the LoRA, such as AdamW or Lion. Each wants learning rates of its own.',
    '每一步如何改变 LoRA 的规则，例如 AdamW 或 Lion。不同优化器需要不同的学习率。',
  ),
  term(
    'Resolution',
    '分辨率',
    'The size at which pictures are learned. Stable Diffusion 1.5 was trained at 512, SDXL at 1024.',
    '学习图片时的尺寸。Stable Diffusion 1.5 以 512 训练，SDXL 以 1024 训练。',
  ),
  term(
    'Bucket',
    '分桶',
    'Pictures of a similar shape are trained together at one size, so that they need hardly be cropped.',
    '把形状相近的图片放在一起、用同一尺寸训练，这样几乎不必裁剪。',
  ),
  term(
    'Min-SNR',
    'Min-SNR',
    'A weighting of the loss that learns shapes and details at an even pace.',
    '一种损失加权方式，让轮廓和细节以均衡的速度学习。',
  ),
  term(
    'Sample',
    '样图',
    'A picture drawn while training, always with the same seed, to see what has been learned.',
    '训练途中用同一种子画的图片，用来看学到了什么。',
  ),
  term(
    'Prompt',
    '提示词',
    'What you ask the model to draw. The negative prompt says what to keep away from.',
    '你要模型画的内容。反向提示词则说明要避开什么。',
  ),
  term(
    'Seed',
    '种子',
    'The number from which all chance follows. The same seed and settings give the same picture.',
    '决定所有随机性的数字。种子和参数相同，图片就相同。',
  ),
  term(
    'Sampler',
    '采样器',
    'The method that turns noise into a picture in a number of steps.',
    '用若干步把噪声变成图片的方法。',
  ),
  term(
    'CFG',
    'CFG',
    'Classifier-free guidance: how closely a picture keeps to the prompt. 7 is usual.',
    '无分类器引导：图片遵循提示词的程度。通常为 7。',
  ),
  term(
    'CLIP',
    'CLIP',
    'A model that knows which words go with which pictures. It reads prompts, and suggests captions here.',
    '知道哪些词配哪些图的模型。它读取提示词，在这里也用来生成标注。',
  ),
  term(
    'Text encoder',
    '文本编码器',
    'The part of the base model that reads the prompt. Training it helps new names.',
    '底模中读取提示词的部分。训练它有助于学习新名字。',
  ),
  term(
    'U-Net',
    'U-Net',
    'The part of the base model that draws. A LoRA mostly changes this.',
    '底模中负责画图的部分。LoRA 主要改变它。',
  ),
  term(
    'VAE',
    'VAE',
    'The part of the base model that turns pictures into a small form to work on, and back.',
    '底模中把图片压缩成便于计算的形式、再还原的部分。',
  ),
  term(
    'f16, half precision',
    'f16（半精度）',
    'Numbers of 16 bits instead of 32: half the memory and often twice the speed, on cards that can.',
    '用 16 位而不是 32 位的数：显存减半，在支持的显卡上往往快一倍。',
  ),
  term(
    'VRAM',
    '显存',
    'The memory of the graphics card. The model, the LoRA and all intermediate results must fit into it.',
    '显卡的内存。模型、LoRA 和所有中间结果都必须放得下。',
  ),
];
