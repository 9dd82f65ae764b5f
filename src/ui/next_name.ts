import type { Localized } from '../formats/config/language';

/** What a project is called before anyone has named it. */
export const firstProject: Localized = { en: 'New project', zh: '新项目' };

/** 'New project', then 'New project 2', 'New project 3': the first that no project has yet. */
export function nextName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  for (let number = 2; ; number++) {
    const next = `${name} ${number}`;
    if (!taken.includes(next)) return next;
  }
}
