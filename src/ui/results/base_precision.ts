/** How the base model lay in memory while a run was trained, by the YAML that is kept of it; undefined: in halves. */
export function basePrecision(config: string): string | undefined {
  return /^base_precision: (int8|nf4)$/m.exec(config)?.[1];
}
