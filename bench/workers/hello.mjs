// F1: what one core of workerd answers at most: a small JSON with two headers, by a Worker alone.

const INIT = { headers: { "content-type": "application/json", "cache-control": "no-store" } };

export default {
  fetch() {
    return new Response('{"ok":true}', INIT);
  },
};
