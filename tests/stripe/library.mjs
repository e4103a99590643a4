// What Stripe's own library makes of a case, to compare ours with: reads a case as JSON, and writes
// what came of it as JSON. Nothing leaves this machine.

import Stripe from "stripe";

/** Notes what the library would send, and answers as if it had been sent. */
class Noted extends Stripe.HttpClient {
  requests = [];

  getClientName() {
    return "noted";
  }

  async makeRequest(host, port, path, method, headers, body) {
    this.requests.push({ host, path, method, headers, body });
    return new Answered(200, {});
  }
}

class Answered extends Stripe.HttpClientResponse {
  getRawResponse() {
    return {};
  }

  toStream(done) {
    done();
  }

  toJSON() {
    return Promise.resolve({});
  }
}

const httpClient = new Noted();
const stripe = new Stripe("sk_test_x", { httpClient, telemetry: false, maxNetworkRetries: 0 });

/** Whether the library takes a body by its header. */
function takes({ body, header, secret, now }) {
  try {
    return stripe.webhooks.constructEvent(body, header, secret, 300, undefined, now * 1000).id;
  } catch (error) {
    return error.type;
  }
}

const { signed, checked, checkout, refund } = JSON.parse(await read(process.stdin));
const { params, key } = checkout;
await stripe.checkout.sessions.create(params, { idempotencyKey: key });
await stripe.checkout.sessions.expire("cs_1");
await stripe.checkout.sessions.retrieve("cs_1");
await stripe.refunds.create(refund.params, { idempotencyKey: refund.key });
const headers = signed.map(({ body, secret, now }) =>
  stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: now }),
);
const said = { headers, takes: checked.map(takes), requests: httpClient.requests };
process.stdout.write(JSON.stringify(said));

async function read(stream) {
  let text = "";
  for await (const part of stream) text += part;
  return text;
}
