import { onEveryTier } from '../on_every_tier';
import { cases } from './frozen.cases';

onEveryTier(cases);
