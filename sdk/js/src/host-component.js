// Inside a component: the host of the contract.

import host from "strongroom:admission/host@0.1.0";

export { host };
