/**
 * `npm run lora -- show|convert|merge|resize`: what there is to do with LoRA files beside training, without a page and
 * without a GPU.
 */
import { argumentsOf, runCommand, UsageError } from './command';
import { convert, merge, resize, show } from './lora/commands';

const USAGE = `Usage: npm run lora -- COMMAND ...
  show FILE [--json]
      rank, alpha, layers, base model, settings, tags, and how much each block is changed
  convert FILE --to kohya|diffusers|peft --out PATH [--precision fp16|bf16|float]
      peft: PATH is a folder, with one adapter in it for the U-Net and one for the text encoder
  merge FILE [FILE ...] [--weight W ...] --base MODEL --out PATH
      into a base model, written in the layout it came in (a folder of diffusers' gives a folder)
  merge FILE FILE [...] [--weight W ...] --out PATH [--rank N] [--share S] [--threshold T] [--precision P]
      into one LoRA: exactly, the ranks side by side; or resized as below
  resize FILE --out PATH [--rank N] [--share S] [--threshold T] [--precision P]
      to the nearest LoRA of lower rank: N at most; keeping the part S of each layer's change (0.99); without
      singular values below the part T of a layer's largest (0.01)
--weight: one a file, in their order; 1 where none is given (below 0: --weight=-0.5). 0.8, or by part and block: unet=0.8,te=0.4,mid=0.5,up1=1
(unet, down0 to down3, mid, up0 to up3; te, and te0 to te11 of its layers (SD 2.x: to te22). SDXL has two text encoders: te means both, te1 and te2
one of them, te1.0 to te1.11 and te2.0 to te2.31 their layers).
FILE is a .safetensors file with kohya's, diffusers', peft's, OneTrainer's or ComfyUI's names, or the folder that peft or
diffusers saved. --precision: that of the (first) file if it is not given. An existing PATH is written over with --force only.
Exit status: 0 done; 1 failed; 2 not understood.`;

async function main(): Promise<void> {
  const [command = '', ...rest] = process.argv.slice(2);
  if (['', '-h', '--help', 'help'].includes(command)) {
    console.log(USAGE);
    process.exitCode = command === '' ? 2 : 0;
    return;
  }
  const commands = { show, convert, merge, resize };
  if (!Object.hasOwn(commands, command)) throw new UsageError(`There is no command "${command}".`);
  const { values, positionals } = read(rest);
  if (values.help) console.log(USAGE);
  else await commands[command as keyof typeof commands](positionals, values, (line) => console.log(line));
}

function read(args: string[]) {
  return argumentsOf({
    args,
    allowPositionals: true,
    options: {
      to: { type: 'string' },
      out: { type: 'string', short: 'o' },
      base: { type: 'string' },
      weight: { type: 'string', short: 'w', multiple: true },
      rank: { type: 'string' },
      share: { type: 'string' },
      threshold: { type: 'string' },
      precision: { type: 'string' },
      json: { type: 'boolean' },
      force: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

runCommand(main, '`npm run lora` alone says how it is used.');
