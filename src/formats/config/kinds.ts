/**
 * The kinds of adapter and of loss: one each so far, and so no setting yet. What other programs call them, and what is
 * counted or written by kind, stands in a row, so that a second kind is asked for by the compiler wherever it matters.
 */
export type AdapterKind = 'lora';
export type LossKind = 'l2';

interface AdapterFacts {
  /** kohya's module, as `ss_network_module` has it. */
  readonly networkModule: string;
  /** In other trainers' settings (LoRA_type, network_module, algo, peft_type, network.type), in lower case. */
  readonly names: readonly string[];
  /** Numbers that are trained in a layer of `inputs` x `outputs`. */
  readonly parameters: (rank: number, inputs: number, outputs: number) => number;
}

/** Of layers that are matrices: linear ones, and convolutions of 1x1. */
export const adapterFacts: Readonly<Record<AdapterKind, AdapterFacts>> = {
  lora: {
    networkModule: 'networks.lora',
    names: ['lora', 'networks.lora', 'standard'],
    parameters: (rank, inputs, outputs) => rank * (inputs + outputs),
  },
};

interface LossFacts {
  /** As kohya's `loss_type`, and in `ss_loss_type`. */
  readonly kohyaName: string;
  readonly names: readonly string[];
}

export const lossFacts: Readonly<Record<LossKind, LossFacts>> = {
  l2: { kohyaName: 'l2', names: ['l2', 'mse'] },
};

/** The kind that another trainer means by `name`. */
export function kindNamed<Kind extends string>(
  facts: Readonly<Record<Kind, { readonly names: readonly string[] }>>,
  name: string,
): Kind | undefined {
  const wanted = name.toLowerCase();
  return (Object.keys(facts) as Kind[]).find((kind) => facts[kind].names.includes(wanted));
}
