/** A norm as people read it: four figures, whatever its size. */
import { number } from '../figures';

export function normText(norm: number): string {
  if (norm === 0) return '0';
  const digits = 3 - Math.floor(Math.log10(norm));
  return digits > 8 ? norm.toExponential(2) : number(norm, Math.max(0, digits));
}
