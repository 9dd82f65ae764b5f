/**
 * Every screen in every state that a run can bring it into, looked at in two ways: axe finds nothing serious, and on the
 * Chinese page no English is left. One project, one run of the tiny model; afterwards the same screens in English, light
 * and narrow.
 */
import { expect, test } from '@playwright/test';
import sharp from 'sharp';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { axeFinds } from './axe';
import { englishOn } from './chinese_words';
import { dropFiles, smallSettings, squares, tickAll, tinyModel } from './small_run';

test.setTimeout(1_200_000);
test.use({ locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 1280, height: 900 } });

const LONG = { timeout: 600_000 };
const STAGES = { images: '图片', settings: '参数', training: '训练', results: '结果' };
/** What the person brings along. */
const OWN = [
  'squares_000010_00_20260101120000_7.png',
  'events.out.tfevents.1',
  'tiny-sd15',
  'a red square',
  'a blue square',
  'red',
  'blue',
  'squares',
  'red-again.jpg',
  'notes.docx',
  // Ends with one of these names.
  'v-pred',
  'refiner.safetensors',
  // An example of a caption: base models read English.
  'ancient Chinese ink painting of [subject], soft brush strokes',
  'inkwash',
  'docx',
  'square',
  'none',
  'a cat on a windowsill',
  'a village street in the rain',
  // Of the file of another trainer, as it has them.
  'optimizer_type: Prodigy',
  'fp8_base true',
  'fp8_base',
  '/home/me/p.txt',
  'train_text_encoder: true',
  'enable_bucket: false',
];
const KOHYA =
  'network_dim = 48\nfp8_base = true\noptimizer_type = "Prodigy"\nsample_prompts = "/home/me/p.txt"\n';

test('nothing serious for axe and no English on a Chinese page, wherever a run leads', async ({
  page,
  context,
}) => {
  await page.addInitScript(() => {
    Reflect.deleteProperty(window, 'showOpenFilePicker');
    Reflect.deleteProperty(window, 'showSaveFilePicker');
  });
  page.on('dialog', (dialog) => void dialog.accept());
  const look = async (state: string, at = page) => {
    expect.soft(await axeFinds(at, { serious: true }), `axe: ${state}`).toEqual([]);
    expect.soft(await englishOn(at, OWN), `English: ${state}`).toEqual([]);
  };
  const stage = (name: keyof typeof STAGES) =>
    page
      .getByRole('navigation', { name: '步骤' })
      .getByRole('link', { name: new RegExp(`^${STAGES[name]}`) })
      .click();
  const press = (name: string | RegExp) =>
    page
      .getByRole('button', { name, exact: typeof name === 'string' })
      .first()
      .click();
  const closed = async () => {
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  };
  const says = page.getByRole('status', { name: '训练' });

  await test.step('start', async () => {
    await page.goto('/');
    await expect(page.getByRole('button', { name: '选择图片' })).toBeEnabled();
    await expect(page.getByRole('group', { name: '木刻画风的图片' })).toBeVisible();
    await look('start');
    for (const dialog of ['检查了什么', '现在就断网', /查看这里保存了什么/]) {
      await press(dialog);
      await expect(page.getByRole('dialog')).toBeVisible();
      await look(`start, dialog of ${String(dialog)}`);
      await closed();
    }
    const menu = page.getByRole('button', { name: '项目：新项目' });
    await menu.click();
    await look('project menu');
    await press('重命名');
    await page.getByRole('textbox', { name: '名称' }).fill('squares');
    await look('project renamed');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: '项目：squares' }).click();
    await press('删除');
    await expect(page.getByRole('dialog')).toBeVisible();
    await look('project to be deleted');
    await closed();
  });

  await test.step('nothing there yet', async () => {
    for (const name of ['images', 'settings', 'training', 'results'] as const) {
      await stage(name);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      await look(`${name}, nothing there`);
    }
  });

  await test.step('base model, refused and taken', async () => {
    const tensor = {
      name: 'conditioner.embedders.0.model.ln_final.weight',
      dtype: 'F16' as const,
      shape: [1],
      data: new Uint8Array(2),
    };
    await dropFiles(page, [{ name: 'refiner.safetensors', bytes: writeSafetensors([tensor]) }]);
    await expect(page.getByText('这是 SDXL refiner')).toBeVisible();
    await look('base model refused');
    await page.getByLabel('底模文件').setInputFiles(tinyModel);
    await expect(page.getByText('tiny-sd15').first()).toBeVisible();
    await look('base model in use');
  });

  await test.step('images and captions', async () => {
    await stage('images');
    const again = await sharp({ create: { width: 150, height: 150, channels: 3, background: '#c12121' } })
      .jpeg()
      .toBuffer();
    await page
      .getByLabel('选择图片', { exact: true })
      .setInputFiles([
        ...(await squares()),
        { name: 'red-again.jpg', mimeType: 'image/jpeg', buffer: again },
        { name: 'notes.docx', mimeType: 'text/plain', buffer: Buffer.from('no picture') },
      ]);
    const shots = page.getByRole('list', { name: '图片' }).getByRole('button');
    await expect(shots).toHaveCount(3);
    await press('查看');
    await look('images, some not added');
    await shots.filter({ hasText: 'red.png' }).click();
    await expect(page.getByRole('heading', { name: 'red.png' })).toBeVisible();
    await look('a picture open');
    await shots.filter({ hasText: 'blue.png' }).click({ modifiers: ['Control'] });
    await look('two selected');
    for (const task of ['添加标签', '替换', '打标']) {
      await page.getByRole('toolbar').getByRole('button', { name: task, exact: true }).click();
      await expect(page.getByRole('dialog')).toBeVisible();
      await look(`batch: ${task}`);
      await closed();
    }
    await page.keyboard.press('Escape');
  });

  await test.step('settings', async () => {
    await stage('settings');
    await page.getByRole('textbox', { name: '秩（rank）', exact: true }).fill('500');
    await look('a setting that is not right');
    for (const [text, taken] of [
      [KOHYA, false],
      ['{"network_dim": ', false],
      [smallSettings({ max_train_steps: 16, sample_every_n_steps: 1000 }), true],
    ] as const) {
      await press('导入 kohya 或 YAML');
      await page.getByLabel('或在此粘贴内容').fill(text);
      await look(`settings to be taken: ${text.slice(0, 15)}`);
      if (taken) {
        await tickAll(page);
        await press(/^采用/);
      } else await closed();
    }
    await expect(page.getByRole('button', { name: '开始训练' })).toBeEnabled();
    await look('settings, ready');
    await press('换一台机器训练');
    await expect(page.getByRole('button', { name: '生成 zip' })).toBeVisible();
    await look('a job for another machine');
    await closed();
  });

  await test.step('training', async () => {
    await press('开始训练');
    await look('preparing');
    const steps = page.getByRole('progressbar', { name: '步数' });
    await expect.poll(async () => Number(await steps.getAttribute('aria-valuenow')), LONG).toBeGreaterThan(0);
    await press('暂停');
    await expect(says).toContainText('已暂停', LONG);
    await look('paused');
    // The page is left; the run is offered where one arrives.
    await page.goto('/#start');
    await page.reload();
    await expect(page.getByRole('heading', { name: '有一次训练没有完成' })).toBeVisible();
    await look('a run that was left');
    await press('继续训练');
    await expect(says).toContainText('训练完成', LONG);
    await look('finished');
    await press('放大查看：a red square，第 0 步');
    await look('a sample, large');
    await closed();
  });

  await test.step('results', async () => {
    await stage('results');
    await expect(page.getByText(/^已写入/).first()).toBeVisible();
    await look('results');
    await press('添加提示词');
    await page.getByRole('combobox', { name: '提示词' }).fill('<lora:none:1>');
    await look('a prompt with a LoRA that is not there');
    await press('取消');
    await press('查看原文');
    await look('what is in the file');
    await closed();
    await press(/^训练记录/);
    await press('打开在别处完成的训练');
    await page.getByLabel('选择文件或 zip').setInputFiles([
      { name: 'squares.safetensors', mimeType: '', buffer: Buffer.from('cut short') },
      { name: 'events.out.tfevents.1', mimeType: '', buffer: Buffer.from('no event file') },
      { name: 'squares_000010_00_20260101120000_7.png', mimeType: '', buffer: Buffer.from('x') },
    ]);
    await expect(page.getByText('已损坏，或不是 PNG。')).toBeVisible();
    await look('what came back, all of it damaged');
    await closed();
    await press(/^训练记录/);
    await page.getByText('配置', { exact: true }).click();
    await press('删除');
    await look('runs, one to be deleted');
    await closed();
    await press('继续训练');
    await look('to be trained further');
    await closed();
  });

  await test.step('in a second tab, and without a network', async () => {
    const second = await context.newPage();
    for (const at of ['#start', '#images', '#settings', '#training', '#results', '#loras']) {
      await second.goto(`/${at}`);
      await expect(second.getByText('此项目已在另一个标签页中打开。').first()).toBeVisible();
      await expect(second.getByRole('heading', { level: 1 })).toBeVisible();
      await look(`read-only ${at}`, second);
    }
    await second.close();
    await context.setOffline(true);
    await stage('training');
    await look('offline');
    await context.setOffline(false);
  });

  await test.step('the same in English, light, on a phone', async () => {
    await page.getByRole('button', { name: 'English' }).click();
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 390, height: 844 });
    for (const at of ['#start', '#images', '#settings', '#training', '#results', '#loras']) {
      await page.goto(`/${at}`);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      if (at === '#images') await page.getByRole('button', { name: /^red\.png/ }).click();
      expect.soft(await axeFinds(page, { serious: true }), `axe: ${at}, narrow`).toEqual([]);
    }
  });
});
