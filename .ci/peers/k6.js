import http from "k6/http";

export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ["p(99)"],
  scenarios: { load: { executor: "constant-arrival-rate", rate: Number(__ENV.RATE), timeUnit: "1s", duration: __ENV.LENGTH,
    preAllocatedVUs: Math.min(50, Number(__ENV.USERS)), maxVUs: Number(__ENV.USERS) } },
};

export default function () { http.get(__ENV.TARGET); }

export function handleSummary(data) {
  return { stdout: "p99_ms=" + data.metrics.http_req_duration.values["p(99)"] + "\n" };
}
