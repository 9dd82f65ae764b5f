/** What people ask before and after their first LoRA, with short answers, in both languages. */
import type { Localized } from '../../formats/config/language';

export interface Question {
  readonly ask: string;
  /** A paragraph each. */
  readonly answer: readonly string[];
}

export const questions: Localized<readonly Question[]> = {
  en: [
    {
      ask: 'Which files do I need?',
      answer: [
        'Pictures, as JPEG, PNG, WebP, AVIF, GIF or BMP: single files, a folder or a zip. Captions are read from .txt or .caption files of the same name, from a metadata.csv or .jsonl, or the JSON of sd-scripts; you can also write them here, or have them suggested. TIFF, HEIC, JPEG XL, JPEG 2000 and SVG are to be converted to PNG or JPEG.',
        'One base model: a Stable Diffusion 1.5, 2.x or SDXL checkpoint, or a fine-tune of them (Pony, Illustrious and NoobAI are SDXL’s), as .safetensors, or all files of a diffusers folder. SD 3, Flux and the SDXL refiner are recognised, but cannot be trained here. The demo model comes with the studio, to try things out.',
      ],
    },
    {
      ask: 'Which graphics card do I need?',
      answer: [
        'One that the browser can use through WebGPU: most cards of the last eight years, from NVIDIA, AMD, Intel or Apple. With Memory on Auto, the studio tries to stay under 4 GB: it recomputes intermediate results and puts a batch together from single pictures. More memory makes a run faster, not better.',
        'The start screen says what was found, and Settings says beforehand how long a run will take and how much memory it needs.',
      ],
    },
    {
      ask: 'How many pictures do I need?',
      answer: [
        'About 20 to 50 for a style, 15 to 30 for a character, 10 to 20 for an object. Variety counts for more than number: different poses, backgrounds, light and distances. Leave out what is blurred, has writing on it, or is almost the same as another.',
        'Sides of 512 pixels or more are best. Different shapes are fine: pictures are grouped by shape and cropped as little as possible.',
      ],
    },
    {
      ask: 'What if the graphics card runs out of memory?',
      answer: [
        'Leave Memory on Auto. If it still happens, close other programs and tabs that use the graphics card, then lower the resolution, or the batch size while raising gradient accumulation by the same factor. A run can be taken up again from its last saved step.',
      ],
    },
    {
      ask: 'Where does the file go in WebUI and ComfyUI?',
      answer: [
        'WebUI: into the folder models/Lora. Then write <lora:name:0.8> in the prompt, with the name of the file, together with the trigger word.',
        'ComfyUI: into the folder models/loras. Then put a Load LoRA node between the checkpoint and the rest, and write the trigger word in the prompt.',
        'Try strengths from 0.6 to 1. Results has pictures at several strengths side by side, and the words to copy.',
      ],
    },
    {
      ask: 'What leaves my computer?',
      answer: [
        'Nothing. Pictures, captions, models and LoRAs stay in this browser. The page is served with rules by which the browser itself refuses connections to other places; you can switch off the network and carry on. Which host sends which of them stands under What was checked, on the start screen.',
        'The one exception is a download that you ask for, such as a base model: its address is requested, and nothing of yours is sent with it. The rail counts those requests.',
      ],
    },
    {
      ask: 'How do I bring what I have in kohya’s trainer?',
      answer: [
        'Drop the training folder with its numbered folders: 10_name becomes ten repeats, and the .txt captions come along. Then drop the settings, a TOML, JSON or YAML file, or choose Import in Settings. You see what it would change, and what is not supported, before anything is taken.',
        'The LoRA that comes out has kohya’s format and names, so whatever loads those loads it.',
      ],
    },
    {
      ask: 'How do I take a project to another computer?',
      answer: [
        'Save the project to a file, in the menu behind its name. The file holds pictures, captions, crops, the trigger word and the settings. The base model is only named in it, as it is large: choose it again there. On the other computer, drop the file on the page, or choose Open a project file.',
      ],
    },
    {
      ask: 'The samples look wrong. What should I change?',
      answer: [
        'Garish colours, broken shapes or noise: the learning rate is too high. Halve it.',
        'Nothing of your pictures shows: train longer, or check that the trigger word is in the prompt.',
        'Every sample repeats one of your pictures: it has been trained for too long. Take an earlier checkpoint in Results, a lower strength, or more varied pictures.',
      ],
    },
  ],
  zh: [
    {
      ask: '需要哪些文件？',
      answer: [
        '图片：JPEG、PNG、WebP、AVIF、GIF 或 BMP，可以是单个文件、文件夹或 zip。标注从同名的 .txt 或 .caption 文件、metadata.csv 或 .jsonl，或 sd-scripts 的 JSON 读取，也可以在这里填写或自动生成。TIFF、HEIC、JPEG XL、JPEG 2000 和 SVG 请先转为 PNG 或 JPEG。',
        '一个底模：Stable Diffusion 1.5、2.x 或 SDXL，或其微调模型（Pony、Illustrious、NoobAI 属于 SDXL）的 .safetensors 文件，或 diffusers 文件夹中的全部文件。SD 3、Flux 和 SDXL refiner 能识别，但不能在这里训练。工作室自带演示底模，可用来试用。',
      ],
    },
    {
      ask: '需要什么显卡？',
      answer: [
        '浏览器能通过 WebGPU 使用的显卡：NVIDIA、AMD、Intel 或 Apple 近八年的大多数显卡。显存设为“自动”时，工作室会尽量控制在 4 GB 以内：重新计算中间结果，并把一批图片拆开逐张计算。显存更大只会更快，不会更好。',
        '开始页面会说明检测到的显卡；“参数”会事先给出训练时长和显存用量。',
      ],
    },
    {
      ask: '需要多少张图片？',
      answer: [
        '画风大约 20 到 50 张，角色 15 到 30 张，物体 10 到 20 张。多样比数量重要：不同的姿势、背景、光线和远近。请去掉模糊的、带文字的，以及几乎相同的图片。',
        '边长最好不小于 512 像素。形状可以不同：图片按形状分组，尽量少裁剪。',
      ],
    },
    {
      ask: '显存不足怎么办？',
      answer: [
        '让显存保持“自动”。如果仍然不足，请关闭其他占用显卡的程序和标签页，然后降低分辨率，或减小批量大小并按同样倍数增加梯度累积。训练可以从最近保存的一步继续。',
      ],
    },
    {
      ask: '文件放到 WebUI 和 ComfyUI 的哪里？',
      answer: [
        'WebUI：放进 models/Lora 文件夹，然后在提示词中写 <lora:文件名:0.8>，并写上触发词。',
        'ComfyUI：放进 models/loras 文件夹，然后在底模与其余节点之间加入“加载 LoRA”节点，并在提示词中写上触发词。',
        '强度可从 0.6 试到 1。“结果”中有不同强度的对比图，以及可以复制的提示词。',
      ],
    },
    {
      ask: '有什么会离开我的电脑？',
      answer: [
        '没有。图片、标注、模型和 LoRA 都留在此浏览器中。网页附带的规则让浏览器自己拒绝连接其他地方；你可以断开网络继续使用。哪些规则由谁规定，见开始页的“检查了什么”。',
        '唯一的例外是你要求的下载，例如底模：只请求它的地址，不会发送你的任何内容。侧栏会统计这些请求。',
      ],
    },
    {
      ask: '如何带来 kohya 训练器中已有的内容？',
      answer: [
        '把带编号子文件夹的训练文件夹拖进来：10_name 表示重复 10 次，.txt 标注一并读取。再拖入 TOML、JSON 或 YAML 设置文件，或在“参数”中导入。采用之前，你会看到它将改变什么、哪些不受支持。',
        '得到的 LoRA 采用 kohya 的格式和命名，凡是支持它的程序都能加载。',
      ],
    },
    {
      ask: '如何把项目带到另一台电脑？',
      answer: [
        '在项目名称的菜单中把项目保存为文件。其中有图片、标注、裁剪、触发词和参数。底模很大，文件中只有它的名称，需要在那边重新选择。在另一台电脑上，把文件拖到网页上，或选择“打开项目文件”。',
      ],
    },
    {
      ask: '样图不对，应该改什么？',
      answer: [
        '颜色刺眼、形状破碎或全是噪点：学习率太高，请减半。',
        '看不出你的图片：训练更久一些，或检查提示词里有没有触发词。',
        '每张样图都在重复你的某张图片：训练过久。请在“结果”中选更早的检查点、降低强度，或使用更多样的图片。',
      ],
    },
  ],
};
