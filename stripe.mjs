// Carries calls to a payment provider's API. What is asked, and what an answer means, is decided in
// Rust. Nothing of a call is logged: its key is in it.

/**
 * One call: `GET`, or `POST` if there is a form. The answer as its status, whether Stripe says to try
 * again, and its body; status 0 if there was none within `within` milliseconds.
 */
globalThis.doorbusterCall = async (address, bearer, version, key, form, within) => {
  const headers = { authorization: `Bearer ${bearer}`, "stripe-version": version };
  const init = { headers, redirect: "manual", signal: AbortSignal.timeout(within) };
  if (form !== undefined) Object.assign(init, { method: "POST", body: form });
  if (form) headers["content-type"] = "application/x-www-form-urlencoded";
  if (key) headers["idempotency-key"] = key;
  try {
    const response = await fetch(address, init);
    const retry = response.headers.get("stripe-should-retry") ?? "";
    return [response.status, retry, await response.text()];
  } catch (error) {
    console.error("payment provider", error?.name);
    return [0, "", ""];
  }
};
