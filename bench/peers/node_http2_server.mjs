// Node's http2 server, in clear: 16 bytes for every request.
import http2 from 'node:http2';

const server = http2.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 16 });
  response.end('0123456789abcde\n');
});
server.listen(0, '127.0.0.1', () => console.log(`{"port": ${server.address().port}}`));
process.on('SIGTERM', () => process.exit(0));
