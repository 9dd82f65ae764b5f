/**
 * English that is left on a Chinese page: every word of Latin letters that is said or spoken there and is no name, unit
 * or format that Chinese people write the same way, nor a setting as configuration files have it.
 */
import type { Page } from '@playwright/test';
import { fieldList, otherNames } from '../src/formats/config/config_fields';

/** What is called so in Chinese too. */
const NAMES =
  'LoRA Studio Stable Diffusion SD SDXL Flux refiner base Pony Illustrious NoobAI v-pred score_9 score_8_up score_7_up WebUI ComfyUI WebGPU GPU CLIP VAE Net U-Net Alpha Beta Epsilon gamma token Clip skip SNR Min-SNR DDIM Euler DPM AdamW Lion ' +
  'SHA SHA-256 Chrome Edge Safari Firefox Google Swiftshader SwiftShader Wi-Fi Ctrl Enter Alt Delete Esc Kiko subject fp16 int8 nf4 f32 f16 models ' +
  'HEIC JPEG PNG YAML TOML JSON CSV ZIP zip txt metadata.csv diffusers kohya sd-scripts lora-scripts kohya_ss OneTrainer ai-toolkit SNR bf16 ' +
  'safetensors px ms KB MB GB TB min Content-Security-Policy Connection-Allowlist English lora PEFT Forge Frobenius pytorch_lora_weights.safetensors load_lora_weights adapter_model.safetensors adapter_config.json huggingface.co CreativeML Open RAIL-M zk Prodigy fp8 TensorBoard logdir README.md run.sh base logs output sample sample_prompts.txt CPU';

/** Words of the settings, as files of ours and of kohya's write them. */
const SETTINGS = [
  ...fieldList.flatMap(({ name, field }) => [name, ...('choices' in field ? field.choices.map(String) : [])]),
  ...[...otherNames].map(([name]) => name),
];

/** `given`: names and texts that the person brought along, such as captions. */
export async function englishOn(page: Page, given: readonly string[]): Promise<string[]> {
  const texts = await page.evaluate(() => {
    const said: string[] = [];
    const heard = (element: Element) =>
      element.checkVisibility({ visibilityProperty: true }) &&
      !element.closest('pre, script, style, [aria-hidden="true"], [translate="no"]') &&
      (element.closest('[lang]')?.getAttribute('lang') ?? '').startsWith('zh');
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = nodes.nextNode(); node; node = nodes.nextNode())
      if (node.parentElement && heard(node.parentElement)) said.push(node.nodeValue ?? '');
    for (const element of document.body.querySelectorAll('*')) {
      if (!heard(element)) continue;
      for (const name of ['aria-label', 'aria-valuetext', 'aria-description', 'placeholder', 'title', 'alt'])
        said.push(element.getAttribute(name) ?? '');
    }
    return said;
  });
  const known = new Set([...NAMES.split(' '), ...SETTINGS].map((word) => word.toLowerCase()));
  const longest = [...given].sort((a, b) => b.length - a.length);
  const english = texts.flatMap((text) => {
    const rest = longest.reduce((left, name) => left.replaceAll(name, ' '), text);
    // The link to share is letters by nature.
    if (rest.startsWith('…/#c=')) return [];
    // Numbers may have letters in them: 1e-16, 128x128, digests.
    const words = rest.replace(/\b\d[\w.:+-]*|\b[\da-f]{4,}\b/g, ' ').match(/[A-Za-z][\w.'’-]*\w/g) ?? [];
    return words.some((word) => !known.has(word.toLowerCase())) ? [text.trim()] : [];
  });
  return [...new Set(english)];
}
