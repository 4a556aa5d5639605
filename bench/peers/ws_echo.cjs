// npm's ws: a WebSocket echo server without compression.
const { WebSocketServer } = require('ws');

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => console.log(`{"port": ${server.address().port}}`));
server.on('connection', c => c.on('message', (m, binary) => c.send(m, { binary })));
process.on('SIGTERM', () => process.exit(0));
