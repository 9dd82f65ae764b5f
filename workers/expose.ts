/**
 * Comlink's `expose`, with one thing more: an error keeps its `code` and `facts` on the way to the page, which says it
 * in the person's language by them. Comlink alone carries name and message.
 */
import * as Comlink from 'comlink';

interface Coded {
  readonly code: unknown;
  readonly facts: unknown;
}

/** As Comlink writes what was thrown. */
interface Serialized {
  readonly isError: boolean;
  readonly value: object;
}

export function expose(api: object): void {
  const standard = Comlink.transferHandlers.get('throw') as Comlink.TransferHandler<Thrown, Serialized>;
  const carriesCode: typeof standard = {
    canHandle: standard.canHandle,
    deserialize: standard.deserialize,
    serialize(thrown) {
      const [serialized, transferred] = standard.serialize(thrown);
      if (!serialized.isError || !isCoded(thrown.value)) return [serialized, transferred];
      const { code, facts } = thrown.value;
      return [{ isError: true, value: { ...serialized.value, code, facts } }, transferred];
    },
  };
  Comlink.transferHandlers.set('throw', carriesCode);
  Comlink.expose(api);
}

interface Thrown {
  readonly value: unknown;
}

function isCoded(value: unknown): value is Coded {
  return typeof value === 'object' && value !== null && 'code' in value && 'facts' in value;
}
