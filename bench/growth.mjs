// How objects are filled and looked at, where it is measured what becomes of them as they grow.

/** Batches on their way to an object at once, as from lanes. */
const IN_FLIGHT = 8;

/** Inventories that came to life in this process, each time that they did. */
let awoken = 0;

/** Counts one more. */
export function countAwoken() {
  awoken += 1;
}

/** Hands an Inventory the batches in a body, a line each; tells the first answer that says no. */
async function feed(inventory, body) {
  const batches = body.split("\n").reverse();
  const wrong = [];
  const lane = async () => {
    for (let batch; (batch = batches.pop()); ) {
      const reply = await inventory.execute(batch);
      if (reply.includes("rejected") || reply.includes("unreadable")) wrong.push(reply);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  const refused = wrong[0];
  const at = Math.max(0, (refused?.indexOf("rejected") ?? 0) - 100);
  return { refused: refused?.slice(at, at + 300) };
}

/** Has so many numbers of a line handed out at once; the last of them. */
async function join(room, people) {
  const reply = await room.execute(JSON.stringify({ lease: { wanted: people } }));
  return { number: JSON.parse(reply).done?.numbers?.last, reply };
}

/** The entry that the newest snapshot stands after. */
export function snapshotAfter(sql) {
  const newest = "SELECT coalesce(max(seq), 0) AS after FROM snapshot_part WHERE last = 1";
  return sql.exec(newest).one();
}

/** What waking has to read: the newest snapshot, and the journal after it. */
export function toRead(sql) {
  const { after } = snapshotAfter(sql);
  const bytes =
    "SELECT coalesce(sum(length(body)), 0) AS snapshot_bytes FROM snapshot_part WHERE seq = ?";
  const tail =
    "SELECT count(*) AS tail_entries, coalesce(sum(length(events)), 0) AS tail_bytes," +
    " coalesce(sum(json_array_length(CAST(events AS TEXT))), 0) AS tail_events" +
    " FROM journal WHERE seq > ?";
  return { after, ...sql.exec(bytes, after).one(), ...sql.exec(tail, after).one() };
}

/**
 * Answers `/v1/bench?grow=...`: `feed` and `show` for what an Inventory (`object`) is to decide and
 * how its stock is, `snapshot_after` and `to_read` for what it has stored, `awoken` for how many
 * came to life, `join` for people (`people`) who join a line.
 */
export async function grow(request, query, env) {
  const inventory = () => env.INVENTORY.getByName(query.get("object"));
  switch (query.get("grow")) {
    case "feed":
      return Response.json(await feed(inventory(), await request.text()));
    case "show":
      return Response.json(JSON.parse(await inventory().execute('["show_stock"]')));
    case "snapshot_after":
      return Response.json(await inventory().snapshotAfter());
    case "to_read":
      return Response.json(await inventory().toRead());
    case "awoken":
      return Response.json(awoken);
    case "join": {
      const room = env.WAITING_ROOM.getByName(query.get("object"));
      return Response.json(await join(room, Number(query.get("people"))));
    }
    default:
      return new Response("no such thing to grow", { status: 404 });
  }
}
