/** '.81': a confidence as it stands on chips and beneath pictures. Never 1: a model is not that sure. */
export function confidenceText(confidence: number): string {
  return Math.min(0.99, confidence).toFixed(2).replace(/^0/, '');
}
