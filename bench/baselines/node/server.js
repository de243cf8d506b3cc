// What a team would write with Node and `pg`: one transaction per spend, a statement per step, prepared statements.
//
// Settings from the environment: DATABASE_URL, API_KEY, LISTEN (host:port), POOL (connections), PROCESSES.

import cluster from 'node:cluster';
import http from 'node:http';
import { randomUUID } from 'node:crypto';
import pg from 'pg';

const { DATABASE_URL, API_KEY, LISTEN = '127.0.0.1:8090', POOL = '16', PROCESSES = '1' } = process.env;

const statement = (name, text) => (client, ...values) => client.query({ name, text, values });

const findKey = statement('find_key', 'SELECT amount, answer FROM idempotency_keys WHERE customer = $1 AND key = $2');
const lockGrants = statement(
  'lock_grants',
  `SELECT id, remaining FROM grants
   WHERE customer = $1 AND remaining > 0 AND (expires_at IS NULL OR expires_at > now())
   ORDER BY priority, expires_at, id FOR UPDATE`,
);
const take = statement('take', 'UPDATE grants SET remaining = remaining - $2 WHERE id = $1');
const enter = statement(
  'enter',
  'INSERT INTO ledger (consumption, customer, grant_id, amount, balance) VALUES ($1, $2, $3, $4, $5)',
);
const count = statement(
  'count',
  `INSERT INTO usage_days AS day (customer, day, count, consumed) VALUES ($1, current_date, 1, $2)
   ON CONFLICT (customer, day) DO UPDATE SET count = day.count + 1, consumed = day.consumed + excluded.consumed`,
);
const keep = statement(
  'keep',
  'INSERT INTO idempotency_keys (customer, key, amount, answer) VALUES ($1, $2, $3, $4)',
);

const problem = (status, code) => ({ status, body: JSON.stringify({ error: { code } }) });

/** The rows of the grants that `amount` is taken from, in order; undefined where they do not cover it. */
function decide(grants, amount) {
  const parts = [];
  let left = amount;
  for (const grant of grants) {
    const part = Math.min(left, Number(grant.remaining));
    parts.push({ grant_id: grant.id, amount: part });
    left -= part;
    if (left === 0) return parts;
  }
  return undefined;
}

/** One spend within a transaction that the caller ends: by COMMIT where `commit` is set. */
async function spend(client, { customer_id: customer, amount, idempotency_key: key }) {
  const known = (await findKey(client, customer, key)).rows[0];
  if (known) {
    if (Number(known.amount) !== amount) return problem(409, 'idempotency_mismatch');
    return { status: 200, body: known.answer.replace('"replayed":false', '"replayed":true') };
  }
  const grants = (await lockGrants(client, customer)).rows;
  const parts = decide(grants, amount);
  if (!parts) return problem(402, 'insufficient_credits');
  const id = randomUUID();
  let balance = grants.reduce((sum, grant) => sum + Number(grant.remaining), 0);
  for (const part of parts) {
    balance -= part.amount;
    await take(client, part.grant_id, part.amount);
    await enter(client, id, customer, part.grant_id, part.amount, balance);
  }
  await count(client, customer, amount);
  const body = JSON.stringify({
    object: 'consumption',
    id: `con_${id.replaceAll('-', '')}`,
    customer_id: customer,
    unit: 'credits',
    requested: amount,
    consumed: amount,
    overflow: 0,
    hold_id: null,
    late: false,
    balance: { object: 'balance', customer_id: customer, unit: 'credits', available: balance },
    grants: parts,
    replayed: false,
  });
  await keep(client, customer, key, amount, body);
  return { status: 200, body, commit: true };
}

/** Runs the transaction; once more where another request with the same key was faster. */
async function consume(pool, request) {
  const client = await pool.connect();
  try {
    for (let again = false; ; again = true) {
      await client.query('BEGIN');
      try {
        const answer = await spend(client, request);
        await client.query(answer.commit ? 'COMMIT' : 'ROLLBACK');
        return answer;
      } catch (error) {
        await client.query('ROLLBACK');
        if (again || error.code !== '23505') throw error;
      }
    }
  } finally {
    client.release();
  }
}

/** The request's body as a spend; undefined where it is none. */
function read(text) {
  try {
    const asked = JSON.parse(text);
    const good = typeof asked.customer_id === 'string' && typeof asked.idempotency_key === 'string';
    return good && Number.isSafeInteger(asked.amount) && asked.amount > 0 ? asked : undefined;
  } catch {
    return undefined;
  }
}

async function answer(pool, request, text) {
  if (request.method !== 'POST' || request.url !== '/api/v1/consume') return problem(404, 'unknown_route');
  if (request.headers.authorization !== `Bearer ${API_KEY}`) return problem(401, 'invalid_api_key');
  const asked = read(text);
  return asked ? consume(pool, asked) : problem(400, 'invalid_field');
}

function serve() {
  const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL) });
  const server = http.createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk) => (text += chunk));
    request.on('end', async () => {
      const { status, body } = await answer(pool, request, text).catch((error) => {
        console.error(error);
        return problem(500, 'internal');
      });
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
  });
  server.keepAliveTimeout = 60_000;
  const [host, port] = LISTEN.split(':');
  server.listen(Number(port), host, 1024);
}

if (cluster.isPrimary && Number(PROCESSES) > 1) {
  for (let n = 0; n < Number(PROCESSES); n += 1) cluster.fork();
} else {
  serve();
}
