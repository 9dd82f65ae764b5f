/** The screens by stage, each fetched when it is first opened, so that the page itself is small. */
import type { Component } from 'svelte';
import type { Stage } from '../studio.svelte';

type Screen = 'start' | 'dataset' | 'settings' | 'training' | 'results' | 'loras' | 'help';

const load: Record<Screen, () => Promise<{ default: Component }>> = {
  start: () => import('../start/StartScreen.svelte'),
  dataset: () => import('../dataset/DatasetScreen.svelte'),
  settings: () => import('../settings/SettingsScreen.svelte'),
  training: () => import('../training/TrainingScreen.svelte'),
  results: () => import('../results/ResultsScreen.svelte'),
  loras: () => import('../loras/LorasScreen.svelte'),
  help: () => import('../help/HelpScreen.svelte'),
};

/** Images and captions are one component, which shows each stage its own: what is selected and scrolled stays. */
export function screenOf(stage: Stage): Screen {
  return stage === 'images' || stage === 'captions' ? 'dataset' : stage;
}

export async function loadScreen(screen: Screen): Promise<Component> {
  return (await load[screen]()).default;
}
