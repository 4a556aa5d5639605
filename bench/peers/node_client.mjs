// Node's fetch: tasks that ask for one URL again and again.
//
// usage: node_client.mjs URL CONNECTIONS SECONDS
const [url, connections, seconds] = [process.argv[2], +process.argv[3], +process.argv[4]];
let requests = 0;

async function ask() {
  for (;;) {
    const response = await fetch(url);
    await response.arrayBuffer();
    ++requests;
  }
}

const sleep = (s) => new Promise((done) => setTimeout(done, s * 1000));
for (let i = 0; i < connections; ++i) ask();
await sleep(seconds / 10);
requests = 0;
const before = process.resourceUsage();
const begun = process.hrtime.bigint();
await sleep(seconds);
const after = process.resourceUsage();
console.log(JSON.stringify({
  requests,
  failed: 0,
  seconds: Number(process.hrtime.bigint() - begun) * 1e-9,
  user_cpu_s: (after.userCPUTime - before.userCPUTime) * 1e-6,
  system_cpu_s: (after.systemCPUTime - before.systemCPUTime) * 1e-6,
}));
process.exit(0);
