// The product with everything counted that the platform bills. Nothing of it behaves otherwise: its
// objects, its queues and its database are watched from outside.

import product, * as objects from "./entry.mjs";

/** What was counted so far, by name. */
const counts = {};

function count(name, by = 1) {
  counts[name] = (counts[name] ?? 0) + by;
}

/** Cursors whose rows are not counted yet. A cursor knows all its rows when it has been read. */
let cursors = [];

function settle() {
  for (const { rowsRead, rowsWritten } of cursors) {
    count("object_rows_read", rowsRead);
    count("object_rows_written", rowsWritten);
  }
  cursors = [];
}

/** Cursors are kept until the next statement, which comes when the ones before have been read. */
function watchStorage(storage) {
  const { sql } = storage;
  const exec = sql.exec.bind(sql);
  sql.exec = (...statement) => {
    settle();
    const cursor = exec(...statement);
    cursors.push(cursor);
    return cursor;
  };
  const setAlarm = storage.setAlarm.bind(storage);
  storage.setAlarm = (...when) => {
    count("alarms_set");
    return setAlarm(...when);
  };
}

function watchedQueue(queue) {
  return {
    sendBatch(messages) {
      count("messages_sent", messages.length);
      return queue.sendBatch(messages);
    },
  };
}

/** An object's environment, in which its queues are counted. */
function watchedObject(ctx, env) {
  watchStorage(ctx.storage);
  const { ORDERS, PAYMENTS_QUEUE, HAPPENED } = env;
  return {
    ...env,
    ORDERS: watchedQueue(ORDERS),
    PAYMENTS_QUEUE: watchedQueue(PAYMENTS_QUEUE),
    HAPPENED: watchedQueue(HAPPENED),
  };
}

function countRows({ meta }) {
  count("d1_rows_read", meta.rows_read);
  count("d1_rows_written", meta.rows_written);
}

/** Watches the two methods that `src/store.rs` uses, where all databases and statements have them. */
let databaseIsWatched = false;

function watchDatabase(database) {
  if (databaseIsWatched) return;
  databaseIsWatched = true;
  const ofDatabase = Object.getPrototypeOf(database);
  const { batch } = ofDatabase;
  ofDatabase.batch = async function (statements) {
    const results = await batch.call(this, statements);
    results.forEach(countRows);
    return results;
  };
  const ofStatement = Object.getPrototypeOf(database.prepare("SELECT 1"));
  const { all } = ofStatement;
  ofStatement.all = async function () {
    const result = await all.call(this);
    countRows(result);
    return result;
  };
}

/** The room's look at the stock, which comes by the second and not by the shopper. */
function isLook(lines) {
  return lines.includes('"show_stock"');
}

export class Inventory extends objects.Inventory {
  constructor(ctx, env) {
    super(ctx, watchedObject(ctx, env));
  }

  execute(lines) {
    count(isLook(lines) ? "stock_looks" : "inventory_requests");
    return super.execute(lines);
  }

  alarm() {
    count("alarms");
    return super.alarm();
  }
}

export class WaitingRoom extends objects.WaitingRoom {
  constructor(ctx, env) {
    super(ctx, watchedObject(ctx, env));
  }

  execute(lines) {
    count("room_requests");
    return super.execute(lines);
  }

  status(report) {
    count("status_requests");
    return super.status(report);
  }

  alarm() {
    count("alarms");
    return super.alarm();
  }
}

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/v1/bench/meter") {
      settle();
      return Response.json(counts);
    }
    watchDatabase(env.DB);
    count("worker_requests");
    return product.fetch(request, env, ctx);
  },

  queue(batch, env) {
    watchDatabase(env.DB);
    count("queue_batches");
    count("messages_delivered", batch.messages.length);
    return product.queue(batch, env);
  },
};
