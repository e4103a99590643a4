// The product where the platform has a limiter, as Cloudflare has: plain workerd binds none. It refuses one
// client, after having been waited for.

import metered from "./metered.mjs";

export { Inventory, WaitingRoom } from "./metered.mjs";

const REFUSED = "192.0.2.99";

const RATE_LIMITER = {
  async limit({ key }) {
    await scheduler.wait(1);
    return { success: key !== REFUSED };
  },
};

export default {
  fetch(request, env, ctx) {
    const CLIENT_ADDRESS_HEADER = "cf-connecting-ip";
    return metered.fetch(request, { ...env, RATE_LIMITER, CLIENT_ADDRESS_HEADER }, ctx);
  },
  queue: metered.queue,
};
