// A TypeScript client that waits its turn for checkout: 1400/s, 700 at once from rest. Written by plimsoll
// export --to client-typescript.
// the form of this file is checked with tsc --strict, and run against plimsoll lab
// Why these numbers:
// - rate 1400/s: 20 % below the breaking load's lower bound of 1760/s
// - burst 700: 70 % of the 1000 at once that the target bore
// Mind:
// - no knee was measured, so the rate rests on the margin alone
// Prove it: plimsoll verify URL --limit 1400/s --burst 700
//
// Asks again when a limit refuses: as late as it is told, and never in step with others. Needs fetch: a browser, Node 18,
// Deno or Bun.

/** A client that is told nothing waits at random between 0 and a bound that doubles with each try, from base to most ms. */
const tries = 6;
const base = 200;
const most = 30000;

/**
 * Sends a request and, while it is refused, waits and sends it again. Gives back the last answer, refused or not. The
 * signal ends the waiting too. A body must be one that can be sent again: text or bytes, not a stream.
 */
export async function fetchPatiently(input: string | URL, init: RequestInit = {}): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(input, init);
    const told = retryAfter(response.headers.get("Retry-After"), Date.now());
    const refused = response.status === 429 || (response.status === 503 && told !== undefined);
    if (!refused || attempt === tries) {
      return response;
    }
    await response.body?.cancel();
    await sleep(told === undefined ? jitter(attempt) : told + Math.random() * base, init.signal);
  }
}

/** A random wait before the next try, in ms. */
function jitter(attempt: number): number {
  return Math.random() * Math.min(base * 2 ** (attempt - 1), most);
}

/** How long an answer says to wait, in ms: seconds or a date (RFC 9110, 10.2.3); undefined when it says nothing. */
export function retryAfter(text: string | null, now: number): number | undefined {
  if (text === null) {
    return undefined;
  }
  if (/^\d+$/.test(text.trim())) {
    return Number(text) * 1000;
  }
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** Waits, unless the signal ends it: then it throws the signal's reason. */
function sleep(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    if (signal?.aborted) {
      end();
      return;
    }
    signal?.addEventListener("abort", end, { once: true });
  });
}
