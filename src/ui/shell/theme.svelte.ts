/** Light, dark, or as the system has it; remembered on this computer and told to the stylesheet by `data-theme`. */
import { recall, remember } from '../remembered';

export type Theme = 'auto' | 'light' | 'dark';

class ThemeChoice {
  #current: Theme = $state(remembered());

  get current(): Theme {
    return this.#current;
  }

  set(theme: Theme): void {
    this.#current = theme;
    remember('theme', theme === 'auto' ? undefined : theme);
  }
}

export const theme = new ThemeChoice();

function remembered(): Theme {
  const chosen = recall('theme');
  return chosen === 'light' || chosen === 'dark' ? chosen : 'auto';
}
