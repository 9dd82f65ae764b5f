/** Every kernel's cases, for runners outside Vitest: browser workers under other shader compilers. */
import { cases as attention } from './attention/attention.cases';
import { cases as conv2d } from './conv2d/conv2d.cases';
import { cases as embedding } from './embedding/embedding.cases';
import { cases as frozen } from './frozen/frozen.cases';
import { cases as gemm } from './gemm/gemm.cases';
import { cases as layout } from './layout/layout.cases';
import { cases as linear } from './linear/linear.cases';
import { cases as lora } from './lora/lora.cases';
import { cases as loss } from './loss/loss.cases';
import { cases as norm } from './norm/norm.cases';
import { cases as optimizer } from './optimizer/optimizer.cases';
import { cases as pointwise } from './pointwise/pointwise.cases';
import { browserCases as stored } from './stored.cases';
import { cases as thin } from './gemm/thin.cases';
import type { KernelCase } from './testing';

export const cases: KernelCase[] = Object.entries({
  attention,
  conv2d,
  embedding,
  frozen,
  gemm,
  layout,
  linear,
  lora,
  loss,
  norm,
  optimizer,
  pointwise,
  stored,
  thin,
}).flatMap(([kernel, list]) => list.map((one) => ({ ...one, name: `${kernel}: ${one.name}` })));
