/**
 * What other trainers call the choices of ours, in lower case: a choice without a row does not compile. Names: sd-scripts'
 * arguments, kohya_ss's form, OneTrainer's and ai-toolkit's configurations.
 */
import type { TrainConfig } from '../config/config_fields';
import { optimizerFacts, type OptimizerKind } from '../config/optimizers';

type Names<Choice extends string> = Readonly<Record<Choice, readonly string[]>>;

export const scheduleNames: Names<TrainConfig['lr_scheduler']> = {
  constant: ['constant', 'constant_with_warmup'],
  linear: ['linear'],
  cosine: ['cosine'],
  cosine_with_restarts: ['cosine_with_restarts', 'cosine_with_hard_restarts'],
  polynomial: ['polynomial'],
};

export const samplerNames: Names<TrainConfig['sample_sampler']> = {
  ddim: ['ddim'],
  euler: ['euler', 'k_euler'],
  dpmpp_2m: ['dpmsolver++', 'dpm++ 2m'],
};

export const savePrecisionNames: Names<TrainConfig['save_precision']> = {
  fp16: ['fp16', 'float16', 'float_16'],
  bf16: ['bf16', 'bfloat16', 'bfloat_16'],
  float: ['float', 'fp32', 'float32', 'float_32'],
};

/** The choice that another trainer means by `name`. */
export function choiceNamed<Choice extends string>(names: Names<Choice>, name: string): Choice | undefined {
  const wanted = name.toLowerCase();
  return (Object.keys(names) as Choice[]).find((choice) => names[choice].includes(wanted));
}

/** Likewise, with whatever stands around it for a state in fewer bits; `whole` where nothing does. */
export function optimizerNamed(name: string): { kind: OptimizerKind; whole: boolean } | undefined {
  const plain = /^(?:paged_?)?(\w+?)(?:_?(?:8|32)bit)?$/.exec(name.toLowerCase())?.[1] ?? '';
  const kind = (Object.keys(optimizerFacts) as OptimizerKind[]).find((each) =>
    optimizerFacts[each].names.includes(plain),
  );
  return kind && { kind, whole: plain === name.toLowerCase() };
}
