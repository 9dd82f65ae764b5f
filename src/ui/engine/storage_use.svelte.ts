/** How full the browser's storage is, for the rail and the storage panel. Asked anew when something was stored. */
import { deleteCaptioner, listCaptioners, type StoredCaptioner } from '../../storage/captioners';
import { persist, space, usageByProject, type ProjectUsage, type Space } from '../../storage/space';

class StorageUse {
  space: Space | undefined = $state.raw();
  /** By project; read when the panel opens, as it looks at every record. */
  projects: readonly ProjectUsage[] | undefined = $state.raw();
  /** Models that propose captions; read with the projects. */
  captioners: readonly StoredCaptioner[] = $state.raw([]);

  async ask(): Promise<void> {
    // Over plain http the browser has no storage manager: then nothing is known, and the panel says so.
    this.space = await space().catch(() => undefined);
  }

  async askProjects(): Promise<void> {
    this.projects = undefined;
    await this.ask();
    this.captioners = await listCaptioners().catch(() => []);
    this.projects = await usageByProject().catch(() => []);
  }

  async deleteCaptioner(captioner: StoredCaptioner): Promise<void> {
    await deleteCaptioner(captioner);
    await this.askProjects();
  }

  /** Asks the browser not to throw anything away by itself. */
  async persist(): Promise<void> {
    await persist().catch(() => false);
    await this.ask();
  }
}

export const storageUse = new StorageUse();
