// The JavaScript entry around the wasm module. It decides nothing: it carries text in and out, and
// it waits where Rust must not.
//
// A panic in wasm aborts the whole instance (instance.mjs), and an object whose call panicked is reset
// before its half-done writes are committed (objects.mjs).

import "./contacts.mjs";
import {
  UNAVAILABLE,
  edgeNow,
  keptReply,
  parsed,
  responseOf,
  toResponse,
  turnResponse,
} from "./edge.mjs";
import { bareHead, clientOf, head, isRead, smallBody } from "./incoming.mjs";
import { guarded, instance, markIfAborted } from "./instance.mjs";
import { askTogether, questionOf } from "./lane.mjs";
import "./stripe.mjs";
import { isRefusing, isTogether, learn, reserve, whole } from "./together.mjs";
import { carry, wakeAll } from "./webhooks.mjs";

export { Inventory, WaitingRoom } from "./objects.mjs";

/**
 * Lets Rust take the request as far as it gets: to the reply, as text, or to what `Waiting::begin`
 * in src/steps.rs says.
 */
function begin(request, method, url, body, env) {
  return edgeNow(env).begin(head(request, method, url, env), body);
}

/**
 * Carries what Rust asks for to who says it and the answer back, and so on to the reply. The platform's
 * limiter is not asked if it is known what it said.
 */
async function goOn(step, method, url, env, ctx, limiterSaid) {
  const began = instance;
  const isWanted = () => instance === began;
  try {
    let isAsked = false;
    while (step.startsWith("@")) {
      const { number, binding, name, lines } = questionOf(step);
      isAsked ||= lines !== "";
      const said = lines
        ? await askTogether(env[binding], name, lines, isWanted, ctx)
        : (limiterSaid ?? (await askLimiter(env[binding], name)));
      step = isWanted() ? edgeNow(env).resume(number, said) : UNAVAILABLE;
    }
    if (step.startsWith("~")) step = await guarded(() => edgeNow(env).finish(Number(step.slice(1))));
    else learn(method, url, isAsked);
    return toResponse(step, method);
  } catch (error) {
    return failed(error, method);
  }
}

/** What the platform's limiter says to one more request of a client; undefined if it does not answer. */
async function askLimiter(limiter, client) {
  try {
    const { success } = await limiter.limit({ key: client });
    return success ? "yes" : "no";
  } catch (error) {
    console.error("limiter", error);
    return undefined;
  }
}

/** The same, for a request whose body has to be waited for. */
async function goOnWith(body, request, method, url, env, ctx) {
  try {
    return await goOn(begin(request, method, url, await body, env), method, url, env, ctx);
  } catch (error) {
    return failed(error, method);
  }
}

/** The same, for a reserve that others are taken up with, if that goes. */
async function goOnTogether(small, request, method, url, env, ctx) {
  try {
    const body = small instanceof Promise ? await small : small;
    const text = whole(request, method, url, body, env);
    let limiterSaid;
    if (text !== null) {
      const limiter = env.RATE_LIMITER;
      if (limiter) limiterSaid = (await askLimiter(limiter, clientOf(request, env))) ?? "yes";
      const came = limiterSaid === "no" ? null : await reserve(text, url, env, ctx);
      if (came !== null) return responseOf(came ?? parsed(UNAVAILABLE), method);
    }
    return goOn(begin(request, method, url, body, env), method, url, env, ctx, limiterSaid);
  } catch (error) {
    return failed(error, method);
  }
}

/** The reply to what most people ask, if all that it takes is at hand; see src/at_once.rs. */
function atOnce(request, method, url, env) {
  if (isRead(method) ? url.includes("/v1/catalog") : isRefusing(url) && !env.RATE_LIMITER) {
    const code = edgeNow(env).known(bareHead(request, method, url, env));
    return code ? responseOf(keptReply(code), method) : undefined;
  }
  if (!isRead(method) || !url.endsWith("/turn")) return undefined;
  const { headers } = request;
  const ticket = headers.get("doorbuster-ticket");
  // An app. Only a browser has its ticket in a cookie, and with it who it is.
  const cookies = ticket ? null : headers.get("cookie");
  const text = edgeNow(env).poll(url, headers.get("doorbuster-shopper"), ticket, cookies);
  return text === undefined ? undefined : turnResponse(text, method);
}

/** Whether a step is the reply already. */
function isReply(step) {
  return !step.startsWith("@") && !step.startsWith("~");
}

/** The reply for a request that failed on the way. */
function failed(error, method) {
  console.error("edge", error);
  markIfAborted(error);
  return toResponse(UNAVAILABLE, method);
}

const asText = (body) => (typeof body === "string" ? body : (JSON.stringify(body) ?? ""));

// Not a class: the platform would make an instance of it for every request.
export default {
  fetch(request, env, ctx) {
    const { method, url } = request;
    try {
      // Most of what is asked needs nobody else, and then no promise either.
      const said = atOnce(request, method, url, env);
      if (said) return said;
      const small = isRead(method) ? undefined : smallBody(request);
      if (small && isTogether(method, url)) return goOnTogether(small, request, method, url, env, ctx);
      if (small instanceof Promise) return goOnWith(small, request, method, url, env, ctx);
      const step = begin(request, method, url, small, env);
      if (!isReply(step)) return goOn(step, method, url, env, ctx);
      learn(method, url, false);
      return toResponse(step, method);
    } catch (error) {
      return failed(error, method);
    }
  },

  async queue(batch, env) {
    const bodies = batch.messages.map((message) => message.body);
    const deliver = (endpoint) => guarded(() => edgeNow(env).deliver(endpoint, carry));
    const consume = () => edgeNow(env).queue(batch.queue, JSON.stringify(bodies.map(asText)));
    const verdicts = batch.queue.endsWith("-events")
      ? await wakeAll(bodies, deliver)
      : JSON.parse(await guarded(consume));
    batch.messages.forEach((message, index) => {
      if (verdicts[index]) message.ack();
      else message.retry({ delaySeconds: Math.min(60, 2 ** message.attempts) });
    });
  },

  async scheduled(event, env) {
    await guarded(() => edgeNow(env).sweep());
  },
};
