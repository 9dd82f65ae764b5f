/** The curve as a file for spreadsheets: one line a step, a header, full precision. */
import type { Point } from '../../storage/runs';

export function curveCsv(points: readonly Point[]): string {
  const lines = points.map(({ step, epoch, seconds, loss, learningRate, gradientNorm }) =>
    [step, epoch, seconds.toFixed(3), loss, learningRate, gradientNorm].join(','),
  );
  return ['step,epoch,seconds,loss,learning_rate,gradient_norm', ...lines].join('\r\n') + '\r\n';
}
