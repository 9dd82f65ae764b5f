/** The curve as a file for spreadsheets: one line a step, a header, full precision. */
import type { Point } from '../../storage/runs';

export function curveCsv(points: readonly Point[]): string {
  const text = points.some(({ textLearningRate }) => textLearningRate !== undefined);
  const lines = points.map(
    ({ step, epoch, seconds, loss, learningRate, textLearningRate = '', gradientNorm = '' }) =>
      [
        step,
        epoch,
        seconds.toFixed(3),
        loss,
        learningRate,
        gradientNorm,
        ...(text ? [textLearningRate] : []),
      ].join(','),
  );
  const head = `step,epoch,seconds,loss,learning_rate,gradient_norm${text ? ',text_learning_rate' : ''}`;
  return [head, ...lines].join('\r\n') + '\r\n';
}
