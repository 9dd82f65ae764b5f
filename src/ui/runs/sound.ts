/** Two soft tones, made on the spot. Silent where the browser has not allowed sound yet. */
export function chime(): void {
  const context = new AudioContext();
  if (context.state === 'suspended') {
    void context.close();
    return;
  }
  const start = context.currentTime;
  for (const [i, pitch] of [660, 880].entries()) {
    const tone = new OscillatorNode(context, { frequency: pitch });
    const volume = new GainNode(context, { gain: 0 });
    const at = start + 0.18 * i;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.5);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.55);
    if (i === 1) tone.onended = () => void context.close();
  }
}
