// Bun's own server: 16 bytes for every request.
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: () => new Response('0123456789abcde\n', { headers: { 'Content-Type': 'text/plain' } }),
});
console.log(`{"port": ${server.port}}`);
process.on('SIGTERM', () => process.exit(0));
