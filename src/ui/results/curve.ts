/** Losses as the paths of one small picture, 400 by 120 units, all in one scale. For comparing, not for reading off. */
import type { Point } from '../../storage/runs';

const [width, height] = [400, 120];
/** Most points of a path: more than there are pixels. */
const most = 400;

/** One path a run, empty where it has fewer than two points. Smoothed by an exponential mean without bias. */
export function curve(runs: readonly (readonly Point[])[]): string[] {
  const smooth = runs.map((points) => thinned(smoothed(points)));
  const all = smooth.flat();
  const steps = Math.max(1, ...all.map(({ step }) => step));
  const losses = all.map(({ loss }) => loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const span = high - low || 1;
  return smooth.map((points) =>
    points.length < 2
      ? ''
      : points
          .map(({ step, loss }, index) => {
            const x = (step / steps) * width;
            const y = height * (0.04 + 0.92 * (1 - (loss - low) / span));
            return `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
          })
          .join(''),
  );
}

type Smoothed = Pick<Point, 'step' | 'loss'>;

function smoothed(points: readonly Point[]): Smoothed[] {
  const keep = 0.95;
  let sum = 0;
  let weight = 0;
  return points
    .filter(({ loss }) => Number.isFinite(loss))
    .map(({ step, loss }) => {
      sum = keep * sum + (1 - keep) * loss;
      weight = keep * weight + (1 - keep);
      return { step, loss: sum / weight };
    });
}

function thinned(points: readonly Smoothed[]): Smoothed[] {
  const every = Math.max(1, Math.ceil(points.length / most));
  return points.filter((_, index) => index % every === 0 || index === points.length - 1);
}
