/** The base model of a project is there no more, or not readable now; words for it are in error_sentences.ts. */
/** Why the base model cannot be read now; `click`: one click of the person on "allow" would do. */
export class BaseModelUnreadable extends Error {
  override name = 'BaseModelUnreadable';
  constructor(
    readonly reason: 'permission' | 'moved' | 'offline' | 'missing' | 'cleared' | 'visit',
    readonly model: string,
    sentence: string,
    options?: ErrorOptions,
  ) {
    super(sentence, options);
  }

  get code() {
    return this.reason;
  }

  get facts() {
    return { model: this.model };
  }
}
