/** What is known of the GPU: from the adapter at once, from the trainer's probe three seconds later. */
export interface AdapterFacts {
  /** As a person would say it: 'NVIDIA GeForce RTX 3090'. Empty where the browser withholds it, as Firefox does. */
  readonly adapter: string;
  readonly vendor: string;
  /** 'f32' | 'f16' | 'f16-subgroups'. */
  readonly tier: string;
  /** A renderer on the processor: it works, a hundred times slower. */
  readonly software: boolean;
  readonly limits: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
  /** Sustained by the matrix product of that tier; undefined until it was measured. */
  readonly gflops?: number;
  /** When it was measured, in milliseconds since 1970. */
  readonly measuredAt?: number;
}
