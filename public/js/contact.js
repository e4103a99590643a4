// Who an order is for: the fields for it, and what is said of it.

import { el } from "./kit.js";

/** A contact for people: a line for each part that there is. */
export function linesOf({ email, name, address }) {
  const { line1, line2, postal_code, city, region, country } = address ?? {};
  const town = [postal_code, city].filter(Boolean).join(" ");
  const lines = [name, line1, line2, town, region, country, email].filter(Boolean);
  return lines.flatMap((line) => [line, el("br")]);
}

/** Its fields have the names of its parts, as JSON pointers: problems are told by these. */
const fieldsOf = (form) => [...form.elements].filter(({ name }) => name?.startsWith("/"));

/** What stands in the fields; nothing if that is nothing. An address has all of its parts or none. */
export function contactIn(form) {
  const said = fieldsOf(form).filter((field) => field.value.trim());
  if (!said.length) return undefined;
  const contact = { email: "" };
  for (const { name, value } of said) {
    const [, first, part] = name.split("/");
    if (!part) contact[first] = value.trim();
    else (contact[first] ??= {})[part] = value.trim();
  }
  return contact;
}

export function fillIn(form, contact) {
  for (const field of fieldsOf(form)) {
    const [, first, part] = field.name.split("/");
    field.value = (part ? contact?.[first]?.[part] : contact?.[first]) ?? "";
  }
}

/** Says under each field what is wrong with it, and goes to the first of them. */
export function showMistakes(form, errors) {
  let first;
  for (const field of fieldsOf(form)) {
    const error = errors.find(({ pointer }) => pointer === field.name);
    const id = `wrong${field.name.replaceAll("/", "-")}`;
    form.ownerDocument.getElementById(id)?.remove();
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
    if (!error) continue;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", id);
    field.closest("label").after(el("p", { class: "wrong", id }, error.detail));
    first ??= field;
  }
  const details = first?.closest("details");
  if (details) details.open = true;
  first?.focus();
}
