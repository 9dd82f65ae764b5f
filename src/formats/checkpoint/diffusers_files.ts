// Which files of a diffusers folder make up the model: one a part, or the shards of one; the plain ones before those of
// another precision. By names alone. Source: diffusers' and huggingface_hub's saving (`split_torch_state_dict_into_shards`):
// `x.safetensors`, `x.fp16.safetensors`, `x-00001-of-00002.safetensors`, `x.fp16-00001-of-00002.safetensors`.

const aside = /(^|\/)(safety_checker|image_encoder|feature_extractor)\//;

interface Named {
  readonly path: string;
  /** Path of the plain, whole file. */
  readonly stem: string;
  readonly plain: boolean;
  readonly shard?: { readonly number: number; readonly of: number };
}

/**
 * Of these paths, those to read; of several forms of one file, one. Bare names tell no folder: there, a whole file beside
 * shards of its name is taken for another part.
 */
export function modelFilesAmong(paths: readonly string[]): string[] {
  const forms = new Map<string, Named[]>();
  for (const named of paths.flatMap(read)) forms.set(named.stem, [...(forms.get(named.stem) ?? []), named]);
  return [...forms.values()].flatMap((files) => {
    const preferred = [
      files.filter(({ plain, shard }) => plain && !shard),
      files.filter(({ plain, shard }) => plain && shard),
      files.filter(({ shard }) => !shard).slice(0, 1),
      files,
    ].find(({ length }) => length > 0);
    return (preferred ?? []).map(({ path }) => path);
  });
}

/** Names of shards that should be there and are not. */
export function missingShards(paths: readonly string[]): string[] {
  const sets = new Map<string, Set<number>>();
  for (const { path, shard } of paths.flatMap(read)) {
    if (!shard) continue;
    const pattern = path.replace(shardName, '-*-of-$2');
    sets.set(pattern, (sets.get(pattern) ?? new Set()).add(shard.number));
  }
  return [...sets].flatMap(([pattern, have]) => {
    const of = /-\*-of-(\d{5})/.exec(pattern)?.[1] ?? '';
    // The count stands in a name: it is no reason to make a long list.
    const all = Array.from({ length: Math.min(Number(of), 1000) }, (_, index) => index + 1);
    return all
      .filter((number) => !have.has(number))
      .map((number) => pattern.replace('-*-', `-${String(number).padStart(5, '0')}-`));
  });
}

const shardName = /-(\d{5})-of-(\d{5})/;
const variant = /\.(fp16|bf16|fp32|non_ema)(?=\.|-|$)/;

function read(path: string): Named[] {
  if (!/\.safetensors$/i.test(path) || aside.test(path)) return [];
  const slash = path.lastIndexOf('/') + 1;
  const name = path.slice(slash).replace(/\.safetensors$/i, '');
  const shard = shardName.exec(name);
  const whole = name.replace(shardName, '');
  const simple = whole.replace(variant, '');
  return [
    {
      path,
      stem: path.slice(0, slash) + simple + (shard && slash === 0 ? ' in shards' : ''),
      plain: simple === whole,
      ...(shard ? { shard: { number: Number(shard[1]), of: Number(shard[2]) } } : {}),
    },
  ];
}
