import { onEveryTier } from '../on_every_tier';
import { cases, slicedCases } from './thin.cases';

onEveryTier(cases);
onEveryTier(slicedCases, ['f32']);
