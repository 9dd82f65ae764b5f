/** Before each test file: `navigator.gpu`, as a browser has it. */
import { installWebGpu } from './dawn';

installWebGpu();
