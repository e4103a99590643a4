// The product where the platform has a limiter, as Cloudflare has: plain workerd binds none. It refuses one
// client, after having been waited for, and says how often it was asked.

import metered from "./metered.mjs";

export { Inventory, WaitingRoom } from "./metered.mjs";

const REFUSED = "192.0.2.99";

let asked = 0;

const RATE_LIMITER = {
  async limit({ key }) {
    asked += 1;
    await scheduler.wait(1);
    return { success: key !== REFUSED };
  },
};

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/v1/bench/limiter") return Response.json(asked);
    const CLIENT_ADDRESS_HEADER = "cf-connecting-ip";
    return metered.fetch(request, { ...env, RATE_LIMITER, CLIENT_ADDRESS_HEADER }, ctx);
  },
  queue: metered.queue,
};
