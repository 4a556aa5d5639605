// Node's http server: 16 bytes for every request.
import http from 'node:http';

const server = http.createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 16 });
  response.end('0123456789abcde\n');
});
server.listen(0, '127.0.0.1', () => console.log(`{"port": ${server.address().port}}`));
process.on('SIGTERM', () => process.exit(0));
