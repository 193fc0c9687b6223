// A real limiter of the npm registry in front of nothing: node server.js NAME LIMIT WINDOW_MS. Prints its URL, then serves
// until standard input ends. All requests share one key.
const [name, limit, window] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const all = () => "all";

const servers = {
  // Fixed window from the first hit.
  async "express-rate-limit"() {
    const { default: express } = await import("express");
    const { rateLimit } = await import("express-rate-limit");
    const app = express();
    app.use(rateLimit({ limit, windowMs: window, keyGenerator: all, standardHeaders: "draft-7", legacyHeaders: false, validate: false }));
    app.get("/{*any}", (req, res) => res.send("ok"));
    return app.listen(0, "127.0.0.1");
  },
  // Fixed window from the first hit.
  async "fastify"() {
    const { default: Fastify } = await import("fastify");
    const app = Fastify();
    await app.register(import("@fastify/rate-limit"), { max: limit, timeWindow: window, keyGenerator: all });
    app.get("/*", async () => "ok");
    await app.listen({ host: "127.0.0.1", port: 0 });
    return app.server;
  },
  // Fixed window, with the handler of its documentation: Retry-After is a decimal.
  async "rate-limiter-flexible"() {
    const { createServer } = await import("node:http");
    const { RateLimiterMemory } = await import("rate-limiter-flexible");
    const limiter = new RateLimiterMemory({ points: limit, duration: window / 1000 });
    return createServer(async (req, res) => {
      try {
        await limiter.consume(all());
        res.end("ok");
      } catch (r) {
        res.writeHead(429, { "Retry-After": r.msBeforeNext / 1000, "X-RateLimit-Limit": limit, "X-RateLimit-Remaining": r.remainingPoints });
        res.end("Too Many Requests");
      }
    }).listen(0, "127.0.0.1");
  },
  // Fixed window; Retry-After is truncated, so that a client comes back too early.
  async "koa-ratelimit"() {
    const { default: Koa } = await import("koa");
    const { default: ratelimit } = await import("koa-ratelimit");
    const app = new Koa();
    app.silent = true;
    app.use(ratelimit({ driver: "memory", db: new Map(), duration: window, max: limit, id: all }));
    app.use((ctx) => { ctx.body = "ok"; });
    return app.listen(0, "127.0.0.1");
  },
};

if (!servers[name] || !(limit > 0) || !(window > 0)) {
  console.error(`usage: node server.js ${Object.keys(servers).join("|")} LIMIT WINDOW_MS`);
  process.exit(2);
}
const server = await servers[name]();
if (!server.listening) await new Promise((done) => server.once("listening", done));
console.log(`http://127.0.0.1:${server.address().port}/`);
process.stdin.on("end", () => process.exit(0)).resume();
