// Bun's own server: 16 bytes for every request, or the files of a folder, if one is named.
const folder = process.argv[2];
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: folder
    ? (request) => new Response(Bun.file(folder + new URL(request.url).pathname))
    : () => new Response('0123456789abcde\n', { headers: { 'Content-Type': 'text/plain' } }),
});
console.log(`{"port": ${server.port}}`);
process.on('SIGTERM', () => process.exit(0));
