/** What the preflight says: for every way in which WebGPU can be missing, what is so and what to do. */
import type { Localized } from '../../formats/config/language';
import type { HalfMissing } from './half_precision';
import type { Missing } from './reasons';

interface Said {
  readonly title: string;
  readonly text: string;
}

const missing: Record<Missing, Said> = {
  insecure: {
    title: 'This page was opened over plain http.',
    text: 'Browsers give the GPU only to secure pages. Open it with https://, or on this computer as http://localhost.',
  },
  'firefox-linux': {
    title: 'Firefox on Linux does not have WebGPU yet.',
    text: 'Open this page in Chrome or Edge 147 or newer.',
  },
  'firefox-mac-intel': {
    title: 'Firefox has no WebGPU on this Mac.',
    text: 'It needs an Apple processor. On an Intel Mac, open this page in Chrome or Edge.',
  },
  'firefox-android': {
    title: 'Firefox on Android does not have WebGPU yet.',
    text: 'Open this page in Chrome, or better on a computer with a graphics card.',
  },
  'old-firefox': {
    title: 'This Firefox is too old for WebGPU.',
    text: 'It came with version 141 on Windows and 147 on Apple Macs. Update Firefox and reload.',
  },
  'old-safari': {
    title: 'This Safari is too old for WebGPU.',
    text: 'It came with Safari 26. Update the system, or open this page in Chrome.',
  },
  'old-chrome': {
    title: 'This browser is too old for WebGPU.',
    text: 'It came with Chrome and Edge 113. Update the browser and reload.',
  },
  'chrome-linux': {
    title: 'This Chrome does not offer the GPU on Linux.',
    text: 'Chrome 147 and newer do, with an NVIDIA driver from 535.183 on. Update the browser, or start it with --enable-unsafe-webgpu --enable-features=Vulkan.',
  },
  'switched-off': {
    title: 'WebGPU is switched off in this browser.',
    text: 'Switch on graphics acceleration in the browser’s settings, restart it and reload.',
  },
  'other-browser': {
    title: 'This browser has no WebGPU.',
    text: 'Open this page in a current Chrome, Edge, Safari, or Firefox on Windows or Mac.',
  },
  'no-adapter': {
    title: 'WebGPU is there, but no graphics card was offered.',
    text: 'Update the graphics driver, switch on graphics acceleration in the browser’s settings, and restart the browser. Over remote desktop the card is often hidden.',
  },
  locked: {
    title: 'The browser has locked the GPU after two crashes.',
    text: 'It opens again by itself; a reload does not help. What was saved is safe.',
  },
};

const en = {
  label: 'This computer',
  asking: 'Looking for the graphics card…',
  canTrain: 'This computer can train.',
  unnamed: 'a graphics card that the browser does not name',
  noHalf: {
    'nvidia-linux': {
      title: 'This browser does not use half precision on your NVIDIA card.',
      text: 'You get the same LoRA without it, but a step takes longer and needs more memory. To have it, install NVIDIA driver 615.71 or newer, or start the browser with --enable-dawn-features=vulkan_enable_f16_on_nvidia.',
    },
    other: {
      title: 'This GPU has no half precision here.',
      text: 'You get the same LoRA without it, but a step takes longer and needs more memory.',
    },
  } as Record<HalfMissing, Said>,
  software: 'Only a software renderer was found.',
  softwareText:
    'It can train the small demo model. For others a step would take minutes: switch on graphics acceleration in the browser’s settings.',
  useDemo: 'Use the demo model',
  weak: 'This GPU gives out memory in small pieces.',
  weakText: (megabytes: number) =>
    `At most ${megabytes} MB at once. Stable Diffusion 1.5 may not fit; the demo model does.`,
  tiers: {
    f32: 'WebGPU, single precision',
    f16: 'WebGPU, half precision',
    'f16-subgroups': 'WebGPU, half precision, subgroups',
  } as Readonly<Record<string, string>>,
  measuring: 'measuring its speed…',
  stepAt512: (seconds: string) => `about ${seconds} a step of SD 1.5 at 512 px`,
  measuredNow: 'measured just now',
  measuredOn: (date: string) => `measured on ${date}`,
  measuredAt: (time: string) => `measured at ${time}`,
  notMeasured: 'not measured yet',
  opensIn: (time: string) => `It opens again in ${time}.`,
  details: 'What was checked',
  measure: 'Measure the speed',
  measureAgain: 'Measure again',
  askAgain: 'Look again',
  measureFailed: 'The speed could not be measured.',
  checks: {
    secure: 'Secure page',
    isolated: 'Isolated from other sites',
    webgpu: 'WebGPU',
    adapter: 'Graphics card',
    precision: 'Precision',
    buffer: 'Largest piece of memory',
    speed: 'Speed, matrix product',
    storage: 'Storage',
    locks: 'One tab at a time',
    network: 'Nothing is sent',
  },
  yes: 'yes',
  no: 'no',
  unknown: 'not known',
  gigaflops: (value: string) => `${value} GFLOP/s`,
  room: (free: string) => `${free} free`,
  enforced: 'enforced by the browser, see below',
  speedNote:
    'The speed is a matrix product of the trainer itself, for three seconds. Time per step is worked out from it; the settings show it for your own run.',
  missing,
};

const missingZh: typeof missing = {
  insecure: {
    title: '此页面是用普通 http 打开的。',
    text: '浏览器只把 GPU 交给安全页面。请用 https:// 打开，或在本机用 http://localhost 打开。',
  },
  'firefox-linux': {
    title: 'Linux 上的 Firefox 还没有 WebGPU。',
    text: '请用 147 或更新版本的 Chrome、Edge 打开此页面。',
  },
  'firefox-mac-intel': {
    title: '这台 Mac 上的 Firefox 没有 WebGPU。',
    text: '它需要 Apple 芯片。Intel Mac 请用 Chrome 或 Edge 打开此页面。',
  },
  'firefox-android': {
    title: 'Android 上的 Firefox 还没有 WebGPU。',
    text: '请用 Chrome 打开，最好在有独立显卡的电脑上使用。',
  },
  'old-firefox': {
    title: '这个 Firefox 版本太旧，没有 WebGPU。',
    text: 'Windows 需要 141，Apple 芯片 Mac 需要 147。请更新 Firefox 后刷新页面。',
  },
  'old-safari': {
    title: '这个 Safari 版本太旧，没有 WebGPU。',
    text: '需要 Safari 26。请更新系统，或改用 Chrome 打开此页面。',
  },
  'old-chrome': {
    title: '这个浏览器版本太旧，没有 WebGPU。',
    text: '需要 Chrome 或 Edge 113 以上。请更新浏览器后刷新页面。',
  },
  'chrome-linux': {
    title: '这个 Chrome 在 Linux 上不提供 GPU。',
    text: 'Chrome 147 及以上提供（NVIDIA 驱动需 535.183 以上）。请更新浏览器，或启动时加上 --enable-unsafe-webgpu --enable-features=Vulkan。',
  },
  'switched-off': {
    title: '此浏览器关闭了 WebGPU。',
    text: '请在浏览器设置里打开图形加速，重启浏览器后刷新页面。',
  },
  'other-browser': {
    title: '此浏览器没有 WebGPU。',
    text: '请用新版 Chrome、Edge、Safari，或 Windows、Mac 上的 Firefox 打开此页面。',
  },
  'no-adapter': {
    title: '有 WebGPU，但没有可用的显卡。',
    text: '请更新显卡驱动，在浏览器设置里打开图形加速，然后重启浏览器。远程桌面下显卡常常不可见。',
  },
  locked: {
    title: 'GPU 崩溃两次，浏览器已将其锁定。',
    text: '稍后会自动解锁，刷新页面没有用。已保存的内容都还在。',
  },
};

const zh: typeof en = {
  label: '这台电脑',
  asking: '正在查找显卡…',
  canTrain: '这台电脑可以训练。',
  unnamed: '浏览器未提供显卡名称',
  noHalf: {
    'nvidia-linux': {
      title: '此浏览器没有在你的 NVIDIA 显卡上启用半精度。',
      text: '没有半精度也会得到同样的 LoRA，只是每步更慢，占用显存更多。若要启用，请安装 615.71 或更新的 NVIDIA 驱动，或在启动浏览器时加上 --enable-dawn-features=vulkan_enable_f16_on_nvidia。',
    },
    other: {
      title: '此 GPU 在这里不支持半精度。',
      text: '没有半精度也会得到同样的 LoRA，只是每步更慢，占用显存更多。',
    },
  },
  software: '只找到软件渲染器。',
  softwareText: '它可以训练很小的演示底模；其他底模每步要几分钟。请在浏览器设置里打开图形加速。',
  useDemo: '使用演示底模',
  weak: '此 GPU 一次只能分配少量显存。',
  weakText: (megabytes) => `每次最多 ${megabytes} MB。Stable Diffusion 1.5 可能放不下，演示底模可以。`,
  tiers: {
    f32: 'WebGPU，单精度',
    f16: 'WebGPU，半精度',
    'f16-subgroups': 'WebGPU，半精度，子组',
  },
  measuring: '正在测速…',
  stepAt512: (seconds) => `SD 1.5 在 512 px 下每步约 ${seconds}`,
  measuredNow: '刚刚测得',
  measuredOn: (date) => `测于 ${date}`,
  measuredAt: (time) => `${time} 测得`,
  notMeasured: '尚未测速',
  opensIn: (time) => `${time} 后解锁。`,
  details: '检查了什么',
  measure: '测速',
  measureAgain: '重新测速',
  askAgain: '重新查找',
  measureFailed: '测速失败。',
  checks: {
    secure: '安全页面',
    isolated: '与其他网站隔离',
    webgpu: 'WebGPU',
    adapter: '显卡',
    precision: '精度',
    buffer: '单块显存上限',
    speed: '矩阵乘法速度',
    storage: '存储空间',
    locks: '同时只允许一个标签页',
    network: '不发送任何内容',
  },
  yes: '是',
  no: '否',
  unknown: '未知',
  gigaflops: (value) => `${value} GFLOP/s`,
  room: (free) => `剩余 ${free}`,
  enforced: '由浏览器强制执行，见下',
  speedNote: '速度是用训练器自己的矩阵乘法测三秒得到的，由此推算每步时间；“参数”页会按你的设置给出。',
  missing: missingZh,
};

export const messages: Localized<typeof en> = { en, zh };
